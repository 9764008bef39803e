//! Bins with room left: which of them a sample fits into best.

use super::packing::Length;

/// Bins by the room that they have left: a binary trie over (tokens, pictures, number of the bin), in which each node
/// knows the most pictures that any bin below it has room for. So finding the tightest bin for two budgets takes one walk
/// down, however many bins are full of pictures and have tokens left.
pub(super) struct Openings {
    nodes: Vec<Node>,
    /// Nodes that are not in use.
    free: Vec<u32>,
    picture_bits: u32,
    number_bits: u32,
    bits: u32,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The most pictures that a bin below has room for, and one more; 0 where there is no bin.
    most: u32,
    /// Nodes by the next bit of the key; 0, the root, stands for none.
    children: [u32; 2],
}

impl Openings {
    /// For at most `count` bins, none of which has more room than `most`.
    pub fn new(most: Length, count: u64) -> Self {
        let bits = |largest: u64| u64::BITS - largest.leading_zeros();
        let (picture_bits, number_bits) = (bits(most.pictures.into()), bits(count.saturating_sub(1)));
        let bits = bits(most.tokens.into()) + picture_bits + number_bits;
        Self { nodes: vec![Node::default()], free: Vec::new(), picture_bits, number_bits, bits }
    }

    /// Adds a bin.
    pub fn put(&mut self, number: u32, room: Length) {
        let (key, most) = (self.key(number, room), room.pictures + 1);
        let mut at = 0;
        for level in (0..self.bits).rev() {
            self.nodes[at].most = self.nodes[at].most.max(most);
            let bit = (key >> level & 1) as usize;
            if self.nodes[at].children[bit] == 0 {
                self.nodes[at].children[bit] = self.node();
            }
            at = self.nodes[at].children[bit] as usize;
        }
        self.nodes[at].most = most;
    }

    /// Takes out the bin with the least room left that has room for this length: the fewest tokens, then the fewest
    /// pictures, then the lowest number.
    pub fn take(&mut self, length: Length) -> Option<(u32, Length)> {
        let key = self.first_from(self.key(0, Length { pictures: 0, ..length }), length.pictures + 1)?;
        self.remove(key);
        let low = |bits: u32| (1u64 << bits) - 1;
        let room = Length {
            tokens: (key >> (self.picture_bits + self.number_bits)) as u32,
            pictures: (key >> self.number_bits & low(self.picture_bits)) as u32,
        };
        Some(((key & low(self.number_bits)) as u32, room))
    }

    fn key(&self, number: u32, room: Length) -> u64 {
        let tokens = u64::from(room.tokens) << (self.picture_bits + self.number_bits);
        tokens | u64::from(room.pictures) << self.number_bits | u64::from(number)
    }

    /// The least key from `from` on of a bin with room for `most - 1` pictures.
    fn first_from(&self, from: u64, most: u32) -> Option<u64> {
        let fits = |node: u32| node != 0 && self.nodes[node as usize].most >= most;
        // Along `from`, as far as there are bins; the last turn to the right that leads to one is what comes next.
        let (mut at, mut key, mut turn) = (0, 0, None);
        let mut level = self.bits;
        while level > 0 {
            level -= 1;
            let [left, right] = self.nodes[at as usize].children;
            let bit = from >> level & 1;
            if bit == 0 && fits(right) {
                turn = Some((right, (key << 1) | 1, level));
            }
            let next = if bit == 0 { left } else { right };
            if !fits(next) {
                (at, key, level) = turn?;
                break;
            }
            (at, key) = (next, (key << 1) | bit);
        }
        // From there on the least: what is left of `from` has no say any more.
        while level > 0 {
            level -= 1;
            let [left, right] = self.nodes[at as usize].children;
            (at, key) = if fits(left) { (left, key << 1) } else { (right, (key << 1) | 1) };
        }
        Some(key)
    }

    fn remove(&mut self, key: u64) {
        let mut path = [0; u64::BITS as usize];
        let mut at = 0;
        for level in (0..self.bits).rev() {
            path[level as usize] = at;
            at = self.nodes[at].children[(key >> level & 1) as usize] as usize;
        }
        self.nodes[at].most = 0;
        for level in 0..self.bits {
            let parent = path[level as usize];
            if self.nodes[at].most == 0 {
                self.nodes[parent].children[(key >> level & 1) as usize] = 0;
                self.free.push(at as u32);
            }
            let below =
                self.nodes[parent].children.map(|child| if child == 0 { 0 } else { self.nodes[child as usize].most });
            self.nodes[parent].most = below[0].max(below[1]);
            at = parent;
        }
    }

    fn node(&mut self) -> u32 {
        match self.free.pop() {
            Some(node) => {
                self.nodes[node as usize] = Node::default();
                node
            }
            None => {
                self.nodes.push(Node::default());
                self.nodes.len() as u32 - 1
            }
        }
    }
}
