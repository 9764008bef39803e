//! The way to the rows of a JSON file: `[]`, `phases[]`, `database.*.annotations[]`.

use crate::error::{Error, Result};

/// How many steps a route may have.
const LENGTH_LIMIT: usize = 16;

/// A way to rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Route(pub(super) Vec<Stop>);

/// A step of the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    /// The member with this name.
    Name(String),
    /// Each item of a list: `[]`.
    Items,
    /// Each member of an object: `*`.
    Members,
}

impl Route {
    /// Reads a route.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let how = "write `[]` for the items of the file's list, `phases[]` for those of a member, `database.*` for \
                       the members of an object";
            Error::invalid(format!("at = {text:?}: {what}: {how}"))
        };
        let mut stops = Vec::new();
        for part in text.split('.') {
            let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
            match name {
                "" if stops.is_empty() && !brackets.is_empty() => {}
                "" => return Err(wrong("a name is missing")),
                "*" => stops.push(Stop::Members),
                name => stops.push(Stop::Name(name.to_owned())),
            }
            while let Some(rest) = brackets.strip_prefix("[]") {
                stops.push(Stop::Items);
                brackets = rest;
            }
            if !brackets.is_empty() {
                return Err(wrong("only `[]` may stand in brackets"));
            }
        }
        if stops.len() > LENGTH_LIMIT {
            return Err(wrong("it has too many steps"));
        }
        Ok(Self(stops))
    }

    /// Whether its rows are the items of the file's own list, or lines.
    pub(super) fn is_of_list(&self) -> bool {
        matches!(self.0.first(), None | Some(Stop::Items))
    }

    /// The last name in it: what its rows are called.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|stop| match stop {
            Stop::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether rows have an object around them that is at hand: one that a name leads out of, within the list or object
    /// that is read entry by entry.
    pub(super) fn has_parent(&self) -> bool {
        self.0.iter().rposition(|stop| matches!(stop, Stop::Name(_))).is_some_and(|at| at > 0)
    }

    /// The names below its rows that this longer route goes on with, if it does.
    pub(super) fn name_below<'r>(&self, longer: &'r Route) -> Option<&'r str> {
        match longer.0.strip_prefix(&self.0[..])?.first()? {
            Stop::Name(name) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_and_refused() {
        let route = Route::parse("database.*.annotations[]").unwrap();
        assert_eq!(route.0.len(), 4);
        assert_eq!((route.is_of_list(), route.name(), route.has_parent()), (false, Some("annotations"), true));
        assert_eq!(Route::parse("database.*").unwrap().name_below(&route), Some("annotations"));
        assert!(Route::parse("[]").unwrap().is_of_list());
        assert!(!Route::parse("folds[][]").unwrap().has_parent());
        for text in ["", "a..b", "a[0]", "a[", &"a.".repeat(20)] {
            assert!(Route::parse(text).unwrap_err().to_string().contains("write `[]`"), "{text}");
        }
    }
}
