//! Licences, and which of two allows less.

use super::{folded, parts, rows};
use crate::error::{Error, Result};
use once_cell::race::OnceBox;
use std::fmt;

/// What a licence allows and asks for. `None` where it is not known: the strictest of all.
///
/// Terms are ordered by how little they allow: commercial use counts most, then derivatives, share-alike, attribution.
///
/// ```
/// use surgdb::vocab::{Permission, Terms};
/// let terms = Terms::of(Some("CC BY-NC-SA 4.0"));
/// assert!(!terms.allows(Permission::Commercial) && terms.allows(Permission::Derivatives));
/// assert!(terms > Terms::of(Some("MIT")));
/// assert!(terms < Terms::of(None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Terms {
    unknown: bool,
    non_commercial: bool,
    no_derivatives: bool,
    share_alike: bool,
    attribution: bool,
}

/// What a user may need a licence to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Commercial use.
    Commercial,
    /// Changed versions, trained models where those count as such.
    Derivatives,
    /// To pass on what was made from it under other terms.
    OtherTerms,
}

/// A licence that `licences.tsv` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLicence {
    /// Its name, without a version where the terms are the same in all.
    pub name: &'static str,
    /// What it allows.
    pub terms: Terms,
    keys: Vec<String>,
}

impl Terms {
    /// What is not known to be allowed.
    pub const UNKNOWN: Self =
        Self { unknown: true, non_commercial: true, no_derivatives: true, share_alike: true, attribution: true };

    /// The terms of a licence, as a source names it; unknown where it names none, or one that is not in the table.
    pub fn of(name: Option<&str>) -> Self {
        name.and_then(licence).map_or(Self::UNKNOWN, |licence| licence.terms)
    }

    /// Whether the terms are known.
    pub fn is_known(self) -> bool {
        !self.unknown
    }

    /// Whether this is allowed. What is not known to be allowed is not.
    pub fn allows(self, permission: Permission) -> bool {
        let refused = match permission {
            Permission::Commercial => self.non_commercial,
            Permission::Derivatives => self.no_derivatives,
            Permission::OtherTerms => self.share_alike,
        };
        !refused
    }

    /// Whether the author must be named.
    pub fn asks_for_attribution(self) -> bool {
        self.attribution
    }

    /// The terms of something made from both: only what both allow.
    pub fn and(self, other: Self) -> Self {
        Self {
            unknown: self.unknown | other.unknown,
            non_commercial: self.non_commercial | other.non_commercial,
            no_derivatives: self.no_derivatives | other.no_derivatives,
            share_alike: self.share_alike | other.share_alike,
            attribution: self.attribution | other.attribution,
        }
    }
}

impl Permission {
    const NAMES: [(&'static str, Self); 3] = [
        ("commercial-ok", Self::Commercial),
        ("derivatives-ok", Self::Derivatives),
        ("other-terms-ok", Self::OtherTerms),
    ];

    /// The permission with this name: `commercial-ok`, `derivatives-ok`, `other-terms-ok`; `-ok` may be left out.
    ///
    /// # Errors
    /// `Invalid` when there is none; the message lists them.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name || known.trim_end_matches("-ok") == name);
        found.map(|(_, permission)| *permission).ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name).join(", ");
            Error::invalid(format!("a licence cannot be asked for {name:?}: there are {names}"))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The licences of the table.
pub fn licences() -> &'static [KnownLicence] {
    static LICENCES: OnceBox<Vec<KnownLicence>> = OnceBox::new();
    LICENCES.get_or_init(|| {
        let read = |[name, commercial, derivatives, share_alike, attribution, aliases]: [&'static str; 6]| {
            let terms = Terms {
                unknown: false,
                non_commercial: commercial != "yes",
                no_derivatives: derivatives != "yes",
                share_alike: share_alike != "no",
                attribution: attribution != "no",
            };
            KnownLicence { name, terms, keys: std::iter::once(name).chain(parts(aliases)).map(key).collect() }
        };
        Box::new(rows(include_str!("licences.tsv")).map(read).collect())
    })
}

/// The licence with this name: in any spelling, of any version, or as a Creative Commons URL.
///
/// ```
/// use surgdb::vocab::licence;
/// assert_eq!(licence("cc-by-nc-sa-4.0").unwrap().name, "CC BY-NC-SA");
/// assert_eq!(licence("https://creativecommons.org/licenses/by/4.0/").unwrap().name, "CC BY");
/// assert!(licence("ask Bob").is_none());
/// ```
pub fn licence(name: &str) -> Option<&'static KnownLicence> {
    let wanted = key(name);
    licences().iter().find(|licence| licence.keys.contains(&wanted))
}

/// A name as it is compared: without its version, and without what people write differently.
fn key(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let path = lower.split_once("creativecommons.org/").map(|(_, path)| path);
    let name = match path.and_then(|path| path.split_once('/')) {
        Some(("licenses", rest)) => format!("cc {}", rest.split('/').next().unwrap_or_default()),
        Some(("publicdomain", _)) => "cc0".to_owned(),
        _ => lower,
    };
    let folded = folded(&name);
    let folded = folded.strip_suffix("international").or(folded.strip_suffix("unported")).unwrap_or(&folded);
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare == "cc" || bare.is_empty() { folded.to_owned() } else { bare.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_name_means_two_licences() {
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for licence in licences() {
            for key in &licence.keys {
                let owner = owners.insert(key, licence.name);
                assert!(owner.is_none_or(|owner| owner == licence.name), "{key}: {owner:?} and {}", licence.name);
            }
        }
    }

    #[test]
    fn licences_are_ordered_by_how_little_they_allow() {
        let order = ["CC0", "MIT", "CC BY-SA 4.0", "CC BY-ND 4.0", "CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC BY-NC-ND"];
        let terms: Vec<_> = order.iter().map(|name| Terms::of(Some(name))).collect();
        assert!(terms.iter().all(|terms| terms.is_known()));
        assert!(terms.is_sorted_by(|a, b| a < b), "{terms:?}");
        assert!(terms.iter().all(|terms| *terms < Terms::UNKNOWN));
    }

    #[test]
    fn spellings_and_versions_are_one_licence() {
        for name in ["CC BY-NC-SA 4.0", "cc-by-nc-sa-3.0", "CC_BY_NC_SA", "CC BY-NC-SA 4.0 International"] {
            assert_eq!(licence(name).map(|licence| licence.name), Some("CC BY-NC-SA"), "{name}");
        }
        assert_eq!(licence("CC0").map(|licence| licence.name), Some("CC0 1.0"));
        assert_eq!(licence("Apache License 2.0").map(|licence| licence.name), Some("Apache-2.0"));
        assert_eq!(licence("cc"), None);
        assert_eq!(licence(""), None);
    }

    #[test]
    fn what_is_made_from_two_keeps_the_restrictions_of_both() {
        let both = Terms::of(Some("CC BY-SA")).and(Terms::of(Some("CC BY-NC")));
        assert_eq!(both, Terms::of(Some("CC BY-NC-SA")));
        assert!(!Terms::UNKNOWN.allows(Permission::Commercial));
        assert_eq!(Permission::named("commercial").unwrap(), Permission::Commercial);
        assert!(Permission::named("fun").unwrap_err().to_string().contains("commercial-ok"));
    }
}
