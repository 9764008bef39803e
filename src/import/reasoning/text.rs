//! Reasoning in lines: level headings, numbers, bullets.

use super::Node;
use std::borrow::Cow;

/// What a line starts.
#[derive(Clone, Debug, PartialEq)]
enum Start {
    Level(u32),
    Number { path: Vec<u32>, is_sure: bool },
    Bullet { indent: usize },
    Nothing,
}

/// A node under construction: a range of the body.
struct Open {
    start: usize,
    end: usize,
    depth: usize,
    level: Option<i8>,
}

#[derive(Default)]
struct Reader {
    nodes: Vec<Open>,
    level: Option<i8>,
    /// The number of the last numbered line since the last heading.
    number: Vec<u32>,
    /// How deep the last line that is no bullet stands.
    depth: usize,
    /// The indents of the bullets that the current one stands under.
    indents: Vec<usize>,
    is_structured: bool,
}

/// The nodes in a text; one node where it has no structure, none where it is blank.
pub(super) fn parse(body: &str) -> Result<Vec<Node<'_>>, String> {
    let mut reader = Reader::default();
    for (start, end) in pieces(body) {
        reader.piece(body.get(start..end).unwrap_or_default(), start)?;
    }
    Ok(reader.nodes.iter().map(|open| open.node(body)).collect())
}

impl Reader {
    fn piece(&mut self, piece: &str, at: usize) -> Result<(), String> {
        let text = piece.trim();
        if text.is_empty() {
            return Ok(());
        }
        let start = at + (piece.len() - piece.trim_start().len());
        let end = start + text.len();
        let depth = match start_of(piece) {
            Start::Level(level) => Some(self.enter_level(level)?),
            Start::Number { path, is_sure } => self.number(path, is_sure)?,
            Start::Bullet { indent } => Some(self.bullet(indent)),
            Start::Nothing => self.nodes.is_empty().then_some(0),
        };
        match (depth, self.nodes.last_mut()) {
            (None, Some(open)) => open.end = end,
            (depth, _) => self.nodes.push(Open { start, end, depth: depth.unwrap_or(0), level: self.level }),
        }
        Ok(())
    }

    fn enter_level(&mut self, level: u32) -> Result<usize, String> {
        let level = i8::try_from(level).ok().filter(|level| (1..=3).contains(level));
        self.level = Some(level.ok_or("a level is not from 1 to 3")?);
        self.number.clear();
        self.indents.clear();
        self.depth = 0;
        self.is_structured = true;
        Ok(0)
    }

    /// The depth of a numbered line; nothing when it is prose that starts with a number.
    fn number(&mut self, path: Vec<u32>, is_sure: bool) -> Result<Option<usize>, String> {
        if !follows(&self.number, &path) {
            return if is_sure {
                Err(format!("{} does not follow {}", dotted(&path), dotted(&self.number)))
            } else {
                Ok(None)
            };
        }
        let depth = path.len() - 1 + usize::from(self.level.is_some());
        self.number = path;
        self.indents.clear();
        self.depth = depth;
        self.is_structured = true;
        Ok(Some(depth))
    }

    fn bullet(&mut self, indent: usize) -> usize {
        while self.indents.last().is_some_and(|&outer| outer >= indent) {
            self.indents.pop();
        }
        let under = if self.is_structured { self.depth + 1 } else { 0 };
        let depth = under + self.indents.len();
        self.indents.push(indent);
        depth
    }
}

impl Open {
    fn node<'a>(&self, body: &'a str) -> Node<'a> {
        let text = Cow::Borrowed(body.get(self.start..self.end).unwrap_or_default());
        Node { depth: self.depth, level: self.level, text, ..Node::default() }
    }
}

/// Whether a number comes next: a sibling one up, a first child, or an ancestor one up; 1 always starts anew.
fn follows(last: &[u32], next: &[u32]) -> bool {
    if next == [1] {
        return true;
    }
    let Some((&tail, parent)) = next.split_last() else { return false };
    match last.get(parent.len()) {
        _ if !last.starts_with(parent) => false,
        Some(&before) => before.checked_add(1) == Some(tail),
        None => tail == 1 && last.len() == parent.len() && !parent.is_empty(),
    }
}

fn dotted(path: &[u32]) -> String {
    match path {
        [] => "the start".into(),
        _ => path.iter().map(u32::to_string).collect::<Vec<_>>().join("."),
    }
}

/// The lines of the body, cut also where a level's heading stands inside a line.
fn pieces(body: &str) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut line_start = 0;
    let finder = memchr::memmem::Finder::new("Level ");
    for line in body.split_inclusive('\n') {
        let mut start = line_start;
        for at in finder.find_iter(line.as_bytes()) {
            let rest = line.get(at + 6..).unwrap_or_default();
            let is_heading = rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(':')
                && rest.starts_with(|c: char| c.is_ascii_digit());
            let stands_alone = line.get(..at).is_some_and(|before| before.ends_with(' ') && !before.trim().is_empty());
            let after_mark =
                line.get(..at).is_some_and(|before| before.trim_matches(['#', '*', ' ', '[', '-']).is_empty());
            if is_heading && stands_alone && !after_mark {
                pieces.push((start, line_start + at));
                start = line_start + at;
            }
        }
        line_start += line.len();
        pieces.push((start, line_start));
    }
    pieces
}

fn start_of(piece: &str) -> Start {
    let indent = piece.len() - piece.trim_start_matches([' ', '\t']).len();
    let text = piece.trim();
    let bare = text.trim_start_matches(['#', '*', '[', '(', ' ']);
    if let Some(level) = level_heading(bare) {
        return Start::Level(level);
    }
    if let Some(start) = numbered(bare) {
        return start;
    }
    if ["- ", "* ", "+ ", "• "].iter().any(|mark| text.starts_with(mark)) {
        return Start::Bullet { indent };
    }
    Start::Nothing
}

fn level_heading(text: &str) -> Option<u32> {
    let head = text.get(..6).filter(|head| head.eq_ignore_ascii_case("level "))?;
    let rest = text.get(head.len()..)?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let after = rest.get(digits..)?;
    let is_heading = match after.chars().next() {
        None => true,
        Some(' ') => after.trim_start().chars().next().is_none_or(|c| c.is_uppercase() || "(-–—:[".contains(c)),
        Some(c) => ":.-–—)]*\t".contains(c),
    };
    rest.get(..digits)?.parse().ok().filter(|_| is_heading)
}

/// A line that starts with a number: `1.`, `2)`, `Step 3:`, `2.1 `.
fn numbered(text: &str) -> Option<Start> {
    let after_word = text.get(..5).filter(|head| head.eq_ignore_ascii_case("step ")).and_then(|_| text.get(5..));
    let text = after_word.unwrap_or(text);
    let length = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (head, rest) = (text.get(..length)?, text.get(length..)?);
    let path = head.trim_end_matches('.').split('.').map(|part| part.parse().ok());
    let path: Vec<u32> = path.collect::<Option<_>>()?;
    if path.len() > 16 {
        return None;
    }
    let is_marked = head.ends_with('.') || rest.starts_with([')', ':']);
    let is_ended = rest.trim_start_matches([')', ':']).chars().next().is_none_or(|c| c.is_whitespace() || c == '*');
    if !is_ended || (!is_marked && path.len() == 1 && after_word.is_none()) {
        return None;
    }
    Some(Start::Number { path, is_sure: is_marked })
}
