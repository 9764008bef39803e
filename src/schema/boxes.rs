//! Boxes and points as texts write them: where they stand, their numbers, and how to write them in another convention.
//!
//! What is found, with its range in the text:
//!
//! | form | written as | range |
//! | --- | --- | --- |
//! | [`Form::List`] | `[x0, y0, x1, y1]` | with its brackets |
//! | [`Form::Corners`] | `(x0,y0),(x1,y1)` | with its brackets |
//! | [`Form::Tagged`] | `<box>(x0,y0),(x1,y1)</box>`, `<\|box_start\|>…<\|box_end\|>`, `<bbox>…</bbox>`, `<point>x y</point>`, `<\|point_start\|>…<\|point_end\|>` | with its tags; where several stand in one pair of tags, the numbers of each |
//! | [`Form::Json`] | `"bbox_2d": [x0, y0, x1, y1]`, `"point_2d": [x, y]` | the list with its brackets |
//! | [`Form::Percent`] | `<point x="61.5" y="40.4" …>`, `<points x1="…" y1="…" x2=…>` | the two attributes |

use crate::error::{Error, Result};
use std::ops::Range;
use std::str::FromStr;

/// What the numbers of a box or point are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scale {
    /// Pixels of the picture.
    Pixels,
    /// Parts of the picture's sides, 0 to 1.
    Unit,
    /// Thousandths of the picture's sides, 0 to 1000.
    Thousand,
}

impl Scale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pixels, Self::Unit, Self::Thousand];

    /// Its name: `pixels`, `0-1`, `0-1000`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Unit => "0-1",
            Self::Thousand => "0-1000",
        }
    }

    /// What a whole side measures, where the picture has this many pixels along it; nothing for pixels where that is not
    /// known.
    pub fn side(self, pixels: Option<i32>) -> Option<f64> {
        match self {
            Self::Pixels => pixels.filter(|pixels| *pixels > 0).map(f64::from),
            Self::Unit => Some(1.0),
            Self::Thousand => Some(1000.0),
        }
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|scale| scale.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("boxes are not written as {name:?}; it is one of {names}"))
        })
    }
}

/// How a box or point is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A bare list of four numbers.
    List,
    /// Two corners in round brackets.
    Corners,
    /// Between tags.
    Tagged,
    /// The value of `bbox_2d` or `point_2d`.
    Json,
    /// Attributes in hundredths of the picture's sides.
    Percent,
}

impl Form {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Corners => "corners",
            Self::Tagged => "tagged",
            Self::Json => "json",
            Self::Percent => "percent",
        }
    }
}

/// A number in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The bytes that it takes.
    pub range: Range<usize>,
    /// Its value.
    pub value: f64,
}

/// A box (four numbers) or a point (two) in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The bytes of its notation.
    pub range: Range<usize>,
    /// How it is written.
    pub form: Form,
    /// Its numbers, x before y.
    pub numbers: Vec<Number>,
}

impl Written {
    /// Whether it is a box, not a point.
    pub fn is_box(&self) -> bool {
        self.numbers.len() == 4
    }

    /// Whether all its numbers are written without a decimal point.
    pub fn is_whole(&self) -> bool {
        self.numbers.iter().all(|number| number.value.fract() == 0.0)
    }

    /// The greatest x and the greatest y.
    pub fn far_corner(&self) -> (f64, f64) {
        let greatest = |first: usize| {
            self.numbers.iter().skip(first).step_by(2).map(|number| number.value).fold(f64::NEG_INFINITY, f64::max)
        };
        (greatest(0), greatest(1))
    }
}

/// The boxes and points that a text writes, in its order.
///
/// ```
/// use surgdb::schema::boxes::find;
/// let text = "The grasper is at [10, 20, 110, 220].";
/// let found = find(text);
/// assert_eq!(&text[found[0].range.clone()], "[10, 20, 110, 220]");
/// assert_eq!(found[0].numbers[3].value, 220.0);
/// ```
pub fn find(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut done = 0;
    for at in memchr::memchr3_iter(b'[', b'(', b'<', text.as_bytes()) {
        if at < done {
            continue;
        }
        let start = found.len();
        match text.as_bytes().get(at) {
            Some(b'<') => tagged(text, at, &mut found),
            _ => found.extend(list(text, at)),
        }
        if let Some(last) = found.get(start..).and_then(|new| new.last()) {
            done = last.range.end;
        }
    }
    found
}

/// The numbers of a stretch of text that [`find`] gave the range of.
pub fn numbers(text: &str) -> Vec<Number> {
    match text.starts_with(['x', 'X']) {
        true => attributes(text, 0).into_iter().flat_map(|(_, numbers)| numbers).collect(),
        false => {
            let inside = text.find('>').filter(|_| text.starts_with('<')).map_or(0, |end| end + 1);
            let end = text.rfind('<').filter(|end| *end >= inside).unwrap_or(text.len());
            plain_numbers(text, inside..end).unwrap_or_default()
        }
    }
}

const TAGS: [(&str, &str); 5] = [
    ("<box>", "</box>"),
    ("<|box_start|>", "<|box_end|>"),
    ("<bbox>", "</bbox>"),
    ("<point>", "</point>"),
    ("<|point_start|>", "<|point_end|>"),
];

/// How long a stretch between tags may be.
const TAGGED_LIMIT: usize = 4096;

fn tagged(text: &str, at: usize, found: &mut Vec<Written>) {
    let Some(rest) = text.get(at..) else { return };
    if rest.starts_with("<point ") || rest.starts_with("<points ") {
        let Some(end) = rest.find('>') else { return };
        let tag = rest.get(..end).unwrap_or_default();
        let name = tag.find(' ').unwrap_or(tag.len());
        let pairs = attributes(tag, name);
        found.extend(pairs.into_iter().map(|(range, numbers)| {
            let shift = |range: Range<usize>| range.start + at..range.end + at;
            let numbers = numbers.into_iter().map(|number| Number { range: shift(number.range), ..number });
            Written { range: shift(range), form: Form::Percent, numbers: numbers.collect() }
        }));
        return;
    }
    let Some((open, close)) = TAGS.into_iter().find(|(open, _)| rest.starts_with(open)) else { return };
    let inside = at + open.len();
    let window = text.as_bytes().get(inside..).unwrap_or_default();
    let window = window.get(..TAGGED_LIMIT).unwrap_or(window);
    let Some(length) = memchr::memmem::find(window, close.as_bytes()) else { return };
    let Some(numbers) = plain_numbers(text, inside..inside + length) else { return };
    let each = if close.contains("point") { 2 } else { 4 };
    match numbers.len() {
        count if count == each || count == 2 => {
            found.push(Written { range: at..inside + length + close.len(), form: Form::Tagged, numbers });
        }
        count if count > 0 && count.is_multiple_of(each) => {
            found.extend(numbers.chunks(each).filter_map(|numbers| {
                let range = numbers.first()?.range.start..numbers.last()?.range.end;
                Some(Written { range, form: Form::Tagged, numbers: numbers.to_vec() })
            }));
        }
        _ => {}
    }
}

/// A list or a pair of corners that starts here.
fn list(text: &str, at: usize) -> Option<Written> {
    let bytes = text.as_bytes();
    let before = text.get(..at)?;
    // `a[1, 2, 3, 4]` and `f(1, 2)` are something else.
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let key = key_before(before);
    let (mut numbers, mut end) = bracket(text, at)?;
    let form = match (bytes.get(at), key, numbers.len()) {
        (Some(b'('), ..) => Form::Corners,
        (_, Some("bbox_2d"), 4) | (_, Some("point_2d"), 2) => Form::Json,
        _ => Form::List,
    };
    if form == Form::Corners {
        if numbers.len() != 2 {
            return None;
        }
        let next = end + text.get(end..)?.find(|c: char| !matches!(c, ',' | ' '))?;
        let (more, last) = bracket(text, next).filter(|_| bytes.get(next) == Some(&b'('))?;
        // A chain of more than two is an outline.
        let goes_on =
            |text: &str| text.trim_start().strip_prefix(',').is_some_and(|rest| rest.trim_start().starts_with('('));
        let went_on = before.trim_end().strip_suffix(',').is_some_and(|rest| rest.trim_end().ends_with(')'));
        if went_on || text.get(last..).is_some_and(goes_on) {
            return None;
        }
        numbers.extend(more);
        end = last;
    }
    let fits = numbers.len() == 4 || form == Form::Json;
    fits.then_some(Written { range: at..end, form, numbers })
}

/// The key of a JSON field whose value starts behind this text.
fn key_before(before: &str) -> Option<&str> {
    let rest = before.trim_end().strip_suffix(':')?.trim_end();
    let rest = rest.strip_suffix(['"', '\''])?;
    let start = rest.rfind(['"', '\''])?;
    rest.get(start + 1..)
}

/// The numbers between the bracket here and its end, parted by commas; and where it ends.
fn bracket(text: &str, at: usize) -> Option<(Vec<Number>, usize)> {
    let bytes = text.as_bytes();
    let close = match bytes.get(at)? {
        b'[' => b']',
        b'(' => b')',
        _ => return None,
    };
    let mut numbers = Vec::new();
    let mut next = at + 1;
    loop {
        next = skip_blanks(bytes, next);
        let number = number(text, next)?;
        next = skip_blanks(bytes, number.range.end);
        numbers.push(number);
        match bytes.get(next)? {
            b',' if numbers.len() < 4 => next += 1,
            byte if *byte == close => return Some((numbers, next + 1)),
            _ => return None,
        }
    }
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The numbers of a stretch that holds nothing else than numbers, brackets, commas and blanks.
fn plain_numbers(text: &str, range: Range<usize>) -> Option<Vec<Number>> {
    let mut numbers = Vec::new();
    let mut at = range.start;
    while at < range.end {
        match text.as_bytes().get(at)? {
            b'(' | b')' | b'[' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            _ => {
                let number = number(text, at).filter(|number| number.range.end <= range.end)?;
                at = number.range.end;
                numbers.push(number);
            }
        }
    }
    Some(numbers)
}

/// How many bytes a number may have.
const NUMBER_LIMIT: usize = 24;

/// The number that starts here: digits, perhaps with a sign and a fraction.
fn number(text: &str, at: usize) -> Option<Number> {
    let bytes = text.as_bytes().get(at..)?;
    let bytes = bytes.get(..NUMBER_LIMIT).unwrap_or(bytes);
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let digits = |from: usize| bytes.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let value = text.get(at..at + end)?.parse().ok()?;
    Some(Number { range: at..at + end, value })
}

/// The pairs of attributes `x` and `y`, `x1` and `y1`, … of a tag, from this byte on.
fn attributes(tag: &str, from: usize) -> Vec<(Range<usize>, Vec<Number>)> {
    let mut pairs = Vec::new();
    let mut open: Option<(usize, &str, Number)> = None;
    let mut at = from;
    while let Some((start, name, value)) = attribute(tag, at) {
        at = value.end + 1;
        let number = number(tag, value.start).filter(|number| number.range == value);
        match (name.split_at_checked(1), number) {
            (Some(("x", suffix)), Some(number)) => open = Some((start, suffix, number)),
            (Some(("y", suffix)), Some(number)) => {
                if let Some((first, _, x)) = open.take().filter(|(_, other, _)| *other == suffix) {
                    pairs.push((first..at, vec![x, number]));
                }
            }
            _ => {}
        }
    }
    pairs
}

/// The next attribute: where it starts, its name, and where its value stands between quotes.
fn attribute(tag: &str, from: usize) -> Option<(usize, &str, Range<usize>)> {
    let start = from + tag.get(from..)?.find(|c: char| c.is_ascii_alphabetic())?;
    let equals = start + tag.get(start..)?.find('=')?;
    let quote = equals + 1;
    let close = *tag.as_bytes().get(quote).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let end = quote + 1 + memchr::memchr(close, tag.as_bytes().get(quote + 1..)?)?;
    Some((start, tag.get(start..equals)?.trim(), quote + 1..end))
}

/// A coordinate in this scale, written as is usual there: a whole number, or up to four decimals for 0 to 1.
pub fn write_number(value: f32, side: f64, scale: Scale) -> String {
    let value = f64::from(value) * side;
    if scale != Scale::Unit {
        return format!("{:.0}", value + 0.0);
    }
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0');
    match short.strip_suffix('.') {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(&str, Form, Vec<f64>)> {
        let of = |found: Written| {
            let piece = &text[found.range.clone()];
            let again: Vec<f64> = numbers(piece).iter().map(|number| number.value).collect();
            let values: Vec<f64> = found.numbers.iter().map(|number| number.value).collect();
            assert_eq!(again, values, "{piece}");
            let same = |number: &Number| text[number.range.clone()].parse::<f64>().unwrap() == number.value;
            assert!(found.numbers.iter().all(same), "{piece}");
            (piece, found.form, values)
        };
        find(text).into_iter().map(of).collect()
    }

    #[test]
    fn every_form_is_found_with_its_range() {
        for (text, piece, form, values) in [
            ("é at [10, 20,30 ,40].", "[10, 20,30 ,40]", Form::List, vec![10.0, 20.0, 30.0, 40.0]),
            ("(0.1,0.2), (0.3,0.45)", "(0.1,0.2), (0.3,0.45)", Form::Corners, vec![0.1, 0.2, 0.3, 0.45]),
            ("<box>(1,2),(3,4)</box>", "<box>(1,2),(3,4)</box>", Form::Tagged, vec![1.0, 2.0, 3.0, 4.0]),
            ("<box>[[1,2,3,4]]</box>", "<box>[[1,2,3,4]]</box>", Form::Tagged, vec![1.0, 2.0, 3.0, 4.0]),
            (
                "a<|box_start|>(1,2),(3,4)<|box_end|>",
                "<|box_start|>(1,2),(3,4)<|box_end|>",
                Form::Tagged,
                vec![1.0, 2.0, 3.0, 4.0],
            ),
            ("<point>5 6</point>", "<point>5 6</point>", Form::Tagged, vec![5.0, 6.0]),
            (r#"{"bbox_2d": [1, 2, 3, 4], "label": "[9]"}"#, "[1, 2, 3, 4]", Form::Json, vec![1.0, 2.0, 3.0, 4.0]),
            (r#"{"point_2d": [1, 2]}"#, "[1, 2]", Form::Json, vec![1.0, 2.0]),
            (r#"<point x="61.5" y="40" alt="x 1">"#, r#"x="61.5" y="40""#, Form::Percent, vec![61.5, 40.0]),
            ("[-3, 0, 5, 6]", "[-3, 0, 5, 6]", Form::List, vec![-3.0, 0.0, 5.0, 6.0]),
        ] {
            assert_eq!(seen(text), [(piece, form, values)], "{text}");
        }
        let several =
            seen(r#"<box>[[1,2,3,4],[5,6,7,8]]</box> <points x1="1" y1="2" x2="3.5" y2="4">[[1,2,3,4],[5,6,7,8]]"#);
        let pieces: Vec<&str> = several.iter().map(|found| found.0).collect();
        assert_eq!(pieces, ["1,2,3,4", "5,6,7,8", r#"x1="1" y1="2""#, r#"x2="3.5" y2="4""#, "[1,2,3,4]", "[5,6,7,8]"]);
    }

    #[test]
    fn other_brackets_and_numbers_are_left_alone() {
        for text in [
            "[1, 2, 3]",
            "[1, 2, 3, 4, 5]",
            "a[1,2,3,4]",
            "f(1,2),(3,4)",
            "(1,2)",
            "(1, 2) and (3, 4)",
            "[1,2,3,4",
            "[1e3,2,3,4]",
            "[1, 2, 3, x]",
            "<box>a</box>",
            "<point x=\"1\">",
            "<point x='a' y='b'>",
            "[]",
            "[",
            "(",
            "<",
            "[1,2]",
            "<box></box>",
            "<points ",
            "<point x=",
            "[1., 2, 3, 4]",
            "\"point\": [1, 2]",
            "<box>(1,2),(3,4),(5,6)</box>",
        ] {
            assert_eq!(seen(text), [], "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_their_scale_has_them() {
        for (value, side, scale, text) in [
            (0.25, 854.0, Scale::Pixels, "214"),
            (0.5, 1.0, Scale::Unit, "0.5"),
            (1.0, 1.0, Scale::Unit, "1"),
            (-0.00001, 1.0, Scale::Unit, "0"),
            (0.1234, 1000.0, Scale::Thousand, "123"),
        ] {
            assert_eq!(write_number(value, side, scale), text);
        }
    }
}
