//! A condition as a tree, and as text.

use crate::error::{Error, Result};
use crate::vocab::Permission;
use std::fmt;
use std::str::FromStr;

/// Which rows are meant: a condition on the columns of a table and on what its rows refer to.
///
/// Made from text, or put together:
///
/// ```
/// use surgdb::dataset::Filter;
/// let text = r#"task = "phase recognition" and source in (a, b) and not split = test and turns > 2 and has media"#;
/// let filter = Filter::parse(text)?;
/// let same = Filter::eq("task", "phase recognition")
///     .and(Filter::any_of("source", ["a", "b"]))
///     .and(!Filter::eq("split", "test"))
///     .and(Filter::parse("turns > 2")?)
///     .and(Filter::has("media"));
/// assert_eq!(filter, same);
/// assert_eq!(Filter::parse(&filter.to_string())?, filter);
/// # Ok::<(), surgdb::Error>(())
/// ```
///
/// # The language
///
/// | condition | meaning |
/// | --- | --- |
/// | `task = "phase recognition"`, `!=`, `<`, `<=`, `>`, `>=` | how a column compares: texts by their bytes, numbers by value |
/// | `source in (a, b)` | it is one of these |
/// | `id like "VID68%"` | the whole text matches, with `%` for any characters and `_` for one |
/// | `turns.text contains "bleeding"` | the text holds this |
/// | `has media`, `split is null`, `split is not null` | there is a value (of a list: an item), or none |
/// | `label(instrument) = grasper`, `label = grasper` | a label on that axis, or on any: its canonical name, or what the source wrote |
/// | `licence = "CC BY 4.0"`, `licence allows commercial` | the strictest licence of the row and of what it shows |
/// | `and`, `or`, `not`, `( )` | `not` binds most, `or` least |
///
/// Words stand for themselves; what has blanks or other marks is quoted (`"…"` or `'…'`, with `\` before a quote).
///
/// Columns are named as they are, base columns and added ones. A dot leads into a list or a struct (`turns.role`,
/// `reasoning.level`), and on to the rows that a column refers to (`case.patient`, `media.refs.kind`,
/// `target.kind`). `frame.…` and `video.…` are what a conversation shows, `annotation.…` what was said of a row.
/// A column of `cases` that the table does not have itself (`patient`, `institution`, `device`, …) is looked up in the
/// row's case; where the row has none, in those of its video or of what it shows.
///
/// A condition on a list holds where it holds for any of its items; a list compares with a number by its length. A
/// comparison with what is null does not hold, and `a != b` is the same as `not a = b`, so that it holds for null.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub(super) Expr);

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// All of them hold; without any, always.
    And(Vec<Expr>),
    /// Any of them holds.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Test(Field, Check),
}

/// What is looked at.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    /// Of `label(…)`: the axis.
    pub axis: Option<String>,
    /// Where it stands in the text.
    pub at: Option<At>,
}

/// A place in the text of a filter.
#[derive(Clone, Debug)]
pub(super) struct At {
    /// Characters before it.
    pub character: usize,
    /// The text from there on.
    pub rest: String,
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub text: String,
    pub quoted: bool,
    pub at: Option<At>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    Compare(Op, Value),
    In(Vec<Value>),
    Like(Value),
    Contains(Value),
    Exists,
    Allows(Permission),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    /// Whether it holds for how one value compares with another.
    pub fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Eq => order.is_eq(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        })
    }
}

// Where something stands in a text does not make it another thing, nor do quotes around a word.
impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.axis) == (&other.name, &other.axis)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Filter {
    /// All rows.
    pub fn all() -> Self {
        Self(Expr::And(Vec::new()))
    }

    /// Reads a condition from text.
    ///
    /// # Errors
    /// `Invalid`, with the place, when the text is no condition.
    pub fn parse(text: &str) -> Result<Self> {
        super::parse::parse(text).map(Self)
    }

    /// Rows whose column, or what a dotted path leads to, equals a value.
    pub fn eq(field: &str, value: impl ToString) -> Self {
        Self::test(field, Check::Compare(Op::Eq, Value::new(value)))
    }

    /// Rows whose column equals any of these values.
    pub fn any_of<V: ToString>(field: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::test(field, Check::In(values.into_iter().map(Value::new).collect()))
    }

    /// Rows that have a value in a column, or an item in a list.
    pub fn has(field: &str) -> Self {
        Self::test(field, Check::Exists)
    }

    /// Rows with this label on this axis.
    pub fn label(axis: &str, label: &str) -> Self {
        let field = Field { name: "label".into(), axis: Some(axis.into()), at: None };
        Self(Expr::Test(field, Check::Compare(Op::Eq, Value::new(label))))
    }

    /// Rows whose licence, and those of what they show, allow this.
    pub fn allows(permission: Permission) -> Self {
        Self::test("licence", Check::Allows(permission))
    }

    /// Rows that both conditions hold for.
    pub fn and(self, other: Self) -> Self {
        Self(join(self.0, other.0, true))
    }

    /// Rows that one of the conditions holds for.
    pub fn or(self, other: Self) -> Self {
        Self(join(self.0, other.0, false))
    }

    fn test(field: &str, check: Check) -> Self {
        Self(Expr::Test(Field { name: field.to_owned(), axis: None, at: None }, check))
    }
}

impl std::ops::Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self(Expr::Not(Box::new(self.0)))
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// Two conditions in one list of `and` or `or`.
pub(super) fn join(a: Expr, b: Expr, and: bool) -> Expr {
    let mut all = Vec::new();
    for part in [a, b] {
        match part {
            Expr::And(parts) if and => all.extend(parts),
            Expr::Or(parts) if !and => all.extend(parts),
            part => all.push(part),
        }
    }
    match all.len() {
        1 => all.remove(0),
        _ if and => Expr::And(all),
        _ => Expr::Or(all),
    }
}

impl Value {
    /// A value that a program gives. A number is one without quotes.
    fn new(value: impl ToString) -> Self {
        let text = value.to_string();
        Self { quoted: text.parse::<f64>().is_err(), text, at: None }
    }
}

/// An error about what stands at a place of a filter.
pub(super) fn wrong(at: Option<&At>, what: impl fmt::Display) -> Error {
    match at {
        None => Error::invalid(format!("the filter: {what}")),
        Some(At { character, rest }) if rest.is_empty() => {
            Error::invalid(format!("the filter, at its end (character {}): {what}", character + 1))
        }
        Some(At { character, rest }) => {
            let shown: String = rest.chars().take(30).collect();
            let more = if shown.len() < rest.len() { "…" } else { "" };
            Error::invalid(format!("the filter, at character {} (`{shown}{more}`): {what}", character + 1))
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str| {
            parts.iter().enumerate().try_for_each(|(index, part)| {
                let before = if index == 0 { "" } else { word };
                match part {
                    Self::And(_) | Self::Or(_) => write!(f, "{before}({part})"),
                    part => write!(f, "{before}{part}"),
                }
            })
        };
        match self {
            Self::And(parts) if parts.is_empty() => f.write_str("all"),
            Self::Or(parts) if parts.is_empty() => f.write_str("not all"),
            Self::And(parts) => list(f, parts, " and "),
            Self::Or(parts) => list(f, parts, " or "),
            Self::Not(part) => {
                f.write_str("not ")?;
                list(f, std::slice::from_ref(part), "")
            }
            Self::Test(field, Check::Exists) => write!(f, "has {field}"),
            Self::Test(field, check) => write!(f, "{field} {check}"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.axis {
            Some(axis) => write!(f, "label({})", Quoted(axis, true)),
            None => Quoted(&self.name, !super::lex::is_word(&self.name)).fmt(f),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted(&self.text, self.quoted || !super::lex::is_word(&self.text)).fmt(f)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(op, value) => write!(f, "{op} {value}"),
            Self::Like(value) => write!(f, "like {value}"),
            Self::Contains(value) => write!(f, "contains {value}"),
            Self::Exists => f.write_str("is not null"),
            Self::Allows(permission) => write!(f, "allows {permission}"),
            Self::In(values) => {
                f.write_str("in (")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}

/// A text, in quotes where it is to be.
struct Quoted<'a>(&'a str, bool);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            false => f.write_str(self.0),
            true => write!(f, "\"{}\"", self.0.replace('\\', r"\\").replace('"', "\\\"")),
        }
    }
}
