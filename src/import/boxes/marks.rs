//! What a text says of the numbers in it: whether four of them are meant as a box, and in which order.

use super::turns_of;
use crate::import::draft::Draft;
use crate::schema::boxes::{Form, Written};

/// How many bytes before and after a list are looked at, and of the turns before its own.
const BEFORE: usize = 400;
const AFTER: usize = 60;
const QUESTION: usize = 2000;

/// What stands near boxes.
const BOXES: &[&str] = &[
    "box",
    "locat",
    "locali",
    "where ",
    "where?",
    "coordinate",
    "position",
    "region",
    "corner",
    "xmin",
    "x_min",
    "x0",
    "x1",
    "[x",
    "(x",
    "坐标",
    "位置",
    "框",
];
/// What stands near other lists of four numbers.
const OTHERS: &[&str] = &["probab", "likelihood", "confiden", "logit", "softmax", "score", "distribution"];
/// How texts say, blanks and quotes left out, that numbers are not x0, y0, x1, y1.
const OTHER_ORDERS: &[&str] = &[
    "ymin,xmin",
    "y_min,x_min",
    "y0,x0,",
    "y1,x1,y2",
    "y,x,y",
    "x,y,w",
    "x_min,y_min,w",
    "xmin,ymin,w",
    "x0,y0,w",
    "x1,y1,w",
    "left,top,w",
    "top,left",
    "cx,cy",
    "xc,yc",
    "x_center,y_center",
    "center_x,center_y",
];

/// What a text says of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// They are a box or a point.
    Box,
    /// Nothing.
    Unsaid,
    /// They are in another order.
    OtherOrder,
}

/// What a draft's texts say of numbers in this turn, of an ending or of the conversation itself: by the notation itself, by
/// what stands around it, or in the turns before.
pub(super) fn meaning(draft: &Draft, (ending, turn): (Option<usize>, usize), found: &Written) -> Meaning {
    let turns = turns_of(draft, ending);
    let text = turns.get(turn).map_or("", |turn| turn.text.as_str());
    let mut around = String::new();
    let mut room = QUESTION;
    let conversation = draft.turns.iter().filter(|_| ending.is_some());
    for before in turns.iter().take(turn).rev().chain(conversation.rev()) {
        let tail = end_of(&before.text, room);
        around.insert_str(0, tail);
        around.insert(0, '\n');
        room -= tail.len();
    }
    around.push_str(text.get(..found.range.start).map_or("", |before| end_of(before, BEFORE)));
    around.push('\n');
    around.push_str(text.get(found.range.end..).map_or("", |after| beginning(after, AFTER)));
    around.make_ascii_lowercase();
    if found.is_box() && says_other_order(&around) {
        return Meaning::OtherOrder;
    }
    if !matches!(found.form, Form::List | Form::Corners) {
        return Meaning::Box;
    }
    let last = |words: &[&str]| words.iter().filter_map(|word| around.rfind(word)).max();
    match (last(BOXES), last(OTHERS)) {
        (Some(meant), other) if other.is_none_or(|other| other < meant) => Meaning::Box,
        _ => Meaning::Unsaid,
    }
}

fn says_other_order(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`' | '*')).collect();
    OTHER_ORDERS.iter().any(|order| text.contains(order))
}

/// The end of a text, of at most so many bytes.
fn end_of(text: &str, bytes: usize) -> &str {
    let from = text.len().saturating_sub(bytes);
    (from..=text.len()).find_map(|from| text.get(from..)).unwrap_or_default()
}

/// The beginning of a text, of at most so many bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    (0..=bytes.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Whether the text of a record, as JSON, may write a box: where not, it need not be parsed to look for them. Brackets
/// before a number, blanks between them, and tags tell; what is escaped is looked at.
pub(crate) fn may_write_boxes(record: &str) -> bool {
    let bytes = record.as_bytes();
    let number_follows = |at: usize| {
        let mut rest = bytes.get(at + 1..).unwrap_or_default();
        loop {
            rest = match rest {
                [b' ' | b'-', more @ ..] | [b'\\', b'n' | b'r' | b't', more @ ..] => more,
                _ => return rest.first().is_some_and(u8::is_ascii_digit),
            };
        }
    };
    memchr::memchr3_iter(b'[', b'(', b'<', bytes).any(|at| match bytes.get(at) {
        Some(b'<') => bytes.get(at + 1).is_some_and(|byte| matches!(byte, b'b' | b'p' | b'|')),
        _ => number_follows(at),
    }) || record.contains("\\u00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::boxes::find;
    use crate::schema::rows::TurnRow;

    fn of(turns: &[&str]) -> Meaning {
        let row = |text: &&str| TurnRow { text: (*text).to_owned(), ..TurnRow::default() };
        let draft = Draft { turns: turns.iter().map(row).collect(), ..Draft::default() };
        let last = turns.len() - 1;
        let found = find(turns[last]);
        meaning(&draft, (None, last), &found[0])
    }

    #[test]
    fn words_tags_and_keys_say_that_numbers_are_a_box() {
        for (turns, expected) in [
            (&["The location is [0.1, 0.2, 0.3, 0.4]."][..], Meaning::Box),
            (&["Where is the grasper?", "[1, 2, 3, 4]"], Meaning::Box),
            (&["Answer as [x1, y1, x2, y2].", "What do you see?", "[1, 2, 3, 4]"], Meaning::Box),
            (&["[1, 2, 3, 4] is the bounding box"], Meaning::Box),
            (&["<box>[1, 2, 3, 4]</box>"], Meaning::Box),
            (&["{\"bbox_2d\": [1, 2, 3, 4]}"], Meaning::Box),
            (&["工具在哪里?请给出坐标。", "[1, 2, 3, 4]"], Meaning::Box),
            (&["[1, 2, 3, 4]"], Meaning::Unsaid),
            (&["How many of each?", "[1, 2, 3, 4]"], Meaning::Unsaid),
            (&["The probabilities are [0.1, 0.2, 0.3, 0.4]."], Meaning::Unsaid),
            (&["Where is it, and with which confidence?", "[0.1, 0.2, 0.3, 0.4]"], Meaning::Unsaid),
            (&["Boxes as [ymin, xmin, ymax, xmax]", "[1, 2, 3, 4]"], Meaning::OtherOrder),
            (&["Boxes as \"x\", \"y\", \"width\", \"height\"", "<box>1,2,3,4</box>"], Meaning::OtherOrder),
        ] {
            assert_eq!(of(turns), expected, "{turns:?}");
        }
        let far = format!("the box{} [1, 2, 3, 4]", "é".repeat(BEFORE));
        assert_eq!(of(&[&far]), Meaning::Unsaid);
    }

    #[test]
    fn a_record_that_writes_no_box_is_told_without_being_parsed() {
        for (record, expected) in [
            (r#"{"value":"at [ 10, 20, 30, 40]"}"#, true),
            (r#"{"value":"at [\n  -1, 20, 30, 40]"}"#, true),
            (r#"{"value":"(1,2),(3,4)"}"#, true),
            (r#"{"value":"<box>"}"#, true),
            (r#"{"value":"<|box_start|>"}"#, true),
            (r#"{"value":"<points x1"}"#, true),
            (r#"{"value":"\u003cbox>"}"#, true),
            (r#"{"messages":[{"content":"<image> (see [a])"}]}"#, false),
            ("[", false),
            ("[ -", false),
            ("<", false),
        ] {
            assert_eq!(may_write_boxes(record), expected, "{record}");
        }
    }
}
