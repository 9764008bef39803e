//! Text on its way to a terminal. What the data says is shown and never obeyed: whatever would steer the terminal is
//! written out (`\u{1b}`), save the colours that this program itself has put there.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::IsTerminal;
use std::sync::LazyLock;

/// What stands before a colour of our own until it is shown. No data can hold it: it is another one in each run.
static MARK: LazyLock<String> = LazyLock::new(|| format!("\x1b{:016x}", RandomState::new().build_hasher().finish()));

/// How a piece of text stands out, where there are colours.
#[derive(Clone, Copy)]
pub enum Ink {
    Bold,
    Faint,
    Role,
    Media,
    Alarm,
}

/// The text, made to stand out where stdout has colours. It is to be shown with [`shown`].
pub fn paint(ink: Ink, text: &str) -> String {
    if colours() { painted(ink, text) } else { text.to_owned() }
}

fn painted(ink: Ink, text: &str) -> String {
    let code = match ink {
        Ink::Bold => "1",
        Ink::Faint => "2",
        Ink::Role => "1;36",
        Ink::Media => "33",
        Ink::Alarm => "1;31",
    };
    let mark = MARK.as_str();
    format!("{mark}{code}m{text}{mark}0m")
}

/// Whether stdout may have colours: it is a terminal, and `NO_COLOR` is not set.
fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether a character steers a terminal, or turns the order of what stands after it.
pub fn steers(c: char) -> bool {
    c != '\t' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// One line of text as a terminal may have it: our colours, and everything else that steers written out.
pub fn shown(line: &str) -> Cow<'_, str> {
    if !line.contains(steers) {
        return Cow::Borrowed(line);
    }
    let (mut text, mut rest) = (String::with_capacity(line.len() + 16), line);
    while let Some(at) = rest.find(steers) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        if let Some((code, after)) = found.strip_prefix(MARK.as_str()).and_then(|found| found.split_once('m')) {
            text.extend(["\x1b[", code, "m"]);
            rest = after;
            continue;
        }
        let mut characters = found.chars();
        text.extend(characters.next().into_iter().flat_map(char::escape_default));
        rest = characters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_data_says_does_not_steer_the_terminal() {
        let hostile = "a\x1b[2Jb\rc\nd\u{9b}1;31me\u{202e}f\x07\tg\x7f";
        assert_eq!(shown(hostile), "a\\u{1b}[2Jb\\rc\\nd\\u{9b}1;31me\\u{202e}f\\u{7}\tg\\u{7f}");
        assert_eq!(shown("Größe 3×2"), "Größe 3×2");
    }

    #[test]
    fn our_own_colours_are_shown_and_those_of_the_data_are_not() {
        let line = painted(Ink::Alarm, "bad \x1b[0m name");
        assert_eq!(shown(&line), "\x1b[1;31mbad \\u{1b}[0m name\x1b[0m");
    }
}
