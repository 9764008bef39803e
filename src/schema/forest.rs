//! The form of a reasoning forest: pre-order, each node with its parent and the end of its subtree.

use crate::error::{Error, Result};

/// Checks that `len` nodes, of each of which `node` gives the parent and the end of its subtree, are a forest in
/// pre-order: each node follows its parent, its subtree is the nodes from it up to its end, and subtrees nest.
///
/// Takes time in proportion to `len`, and allocates nothing.
///
/// # Errors
/// `Invalid`, naming the first node that is wrong.
pub fn check(len: usize, node: impl Fn(usize) -> (Option<i32>, i32)) -> Result<()> {
    let end_of = |i: usize| usize::try_from(node(i).1).unwrap_or(0);
    let parent_of = |i: usize| node(i).0;
    for i in 0..len {
        let (parent, end) = (parent_of(i), end_of(i));
        if end <= i || end > len {
            return Err(wrong(i, &format!("its subtree ends at {}, and must end within {}..={len}", node(i).1, i + 1)));
        }
        let expected = if i == 0 { None } else { open_before(i, end_of, parent_of) };
        if parent.map(i64::from) != expected.map(|parent| parent as i64) {
            let should = expected.map_or("none".to_owned(), |parent| parent.to_string());
            let is = parent.map_or("none".to_owned(), |parent| parent.to_string());
            return Err(wrong(i, &format!("its parent is {is}, and by the subtrees' ends it is {should}")));
        }
        if expected.is_some_and(|parent| end > end_of(parent)) {
            return Err(wrong(i, "its subtree goes on after its parent's"));
        }
    }
    Ok(())
}

/// The innermost node before `i` whose subtree is still open at `i`; the nodes before `i` are well-formed.
///
/// It climbs over the subtrees that end at `i`, each of which ends there alone: all climbs take `len` steps together.
fn open_before(i: usize, end_of: impl Fn(usize) -> usize, parent_of: impl Fn(usize) -> Option<i32>) -> Option<usize> {
    let mut candidate = i - 1;
    while end_of(candidate) <= i {
        candidate = usize::try_from(parent_of(candidate)?).ok()?;
    }
    Some(candidate)
}

#[cold]
fn wrong(node: usize, what: &str) -> Error {
    Error::invalid(format!("the reasoning is no forest in pre-order: of node {node}, {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(nodes: &[(Option<i32>, i32)]) -> bool {
        check(nodes.len(), |i| nodes[i]).is_ok()
    }

    #[test]
    fn a_forest_in_pre_order_is_accepted_and_nothing_else() {
        assert!(checked(&[]));
        assert!(checked(&[(None, 1), (None, 2)]));
        let tree = [(None, 4), (Some(0), 3), (Some(1), 3), (Some(0), 4), (None, 6), (Some(4), 6)];
        assert!(checked(&tree));
        for i in 0..tree.len() {
            for parent in [None, Some(-1), Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)] {
                for end in -1..8 {
                    let mut other = tree;
                    other[i] = (parent, end);
                    assert_eq!(checked(&other), model(&other), "{other:?}");
                }
            }
        }
    }

    #[test]
    fn all_small_forests_agree_with_the_model() {
        let parents = [None, Some(-1), Some(0), Some(1), Some(2)];
        let all: Vec<(Option<i32>, i32)> = parents.iter().flat_map(|p| (-1..5).map(move |end| (*p, end))).collect();
        for a in &all {
            for b in &all {
                for c in &all {
                    let nodes = [*a, *b, *c];
                    assert_eq!(checked(&nodes), model(&nodes), "{nodes:?}");
                }
            }
        }
    }

    /// Builds the ends from the parents, and checks that parents are the last open ones, the slow way.
    fn model(nodes: &[(Option<i32>, i32)]) -> bool {
        let mut open: Vec<usize> = Vec::new();
        let mut ends: Vec<usize> = (1..=nodes.len()).collect();
        for (i, (parent, _)) in nodes.iter().enumerate() {
            match parent {
                None => open.clear(),
                Some(parent) => match open.iter().position(|o| *o as i32 == *parent) {
                    Some(at) => open.truncate(at + 1),
                    None => return false,
                },
            }
            open.push(i);
            for o in &open {
                ends[*o] = i + 1;
            }
        }
        nodes.iter().zip(ends).all(|((_, end), should)| *end == should as i32)
    }
}
