//! HTML that is well-formed and says what the data says, and never does it: all text goes through [`Html::text`] or an
//! attribute's value, tags and names of attributes are the program's own, and what is opened is closed.

use crate::terminal::steers;
use std::fmt::{Display, Write as _};

/// An HTML text that is being written.
#[derive(Default)]
pub struct Html {
    text: String,
    open: Vec<&'static str>,
}

/// Names and values of attributes.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// The program's own markup, as it is.
    pub fn own(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// A part that was written apart, as it is.
    pub fn part(&mut self, part: Self) {
        self.text.push_str(&part.finish());
    }

    /// Text of the data.
    pub fn text(&mut self, text: impl Display) {
        escape(&text.to_string(), &mut self.text);
    }

    /// Opens an element.
    pub fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.open.push(tag);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            let _ = write!(self.text, "</{tag}>");
        }
    }

    /// An element without content, such as `img`.
    pub fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
    }

    /// An element with text in it.
    pub fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: impl Display) {
        self.open(tag, attributes);
        self.text(text);
        self.close();
    }

    /// An element with other elements in it.
    pub fn within<T>(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let depth = self.open.len();
        self.open(tag, attributes);
        let result = inside(self);
        while self.open.len() > depth {
            self.close();
        }
        result
    }

    /// All of it, with whatever is still open closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(tag);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
        self.text.push('>');
    }
}

/// Appends text so that it stands in HTML as what it is. Control characters, and what turns the direction of writing, are
/// written out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if steers(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}

/// The start of a text, at most so many characters of it, and how many are left out.
pub fn shortened(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        None => (text, 0),
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_text_and_nothing_else() {
        let mut html = Html::default();
        let hostile = "</p><script>alert('x')</script>&amp;\"\u{0}\u{1b}\r\u{202e}\n";
        html.leaf("p", &[("title", hostile)], hostile);
        let escaped =
            "&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;&quot;\\u{0}\\u{1b}\\r\\u{202e}\n";
        assert_eq!(html.finish(), format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn whatever_is_opened_is_closed() {
        let mut html = Html::default();
        html.open("div", &[]);
        html.within("ul", &[], |html| html.open("li", &[]));
        html.open("p", &[]);
        assert_eq!(html.finish(), "<div><ul><li></li></ul><p></p></div>");
    }

    #[test]
    fn a_part_that_was_written_apart_is_whole() {
        let (mut html, mut part) = (Html::default(), Html::default());
        assert!(part.is_empty());
        part.open("ul", &[]);
        part.leaf("li", &[], "<");
        html.open("main", &[]);
        html.part(part);
        assert_eq!(html.finish(), "<main><ul><li>&lt;</li></ul></main>");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("äöü", 2), ("äö", 1));
        assert_eq!(shortened("äöü", 3), ("äöü", 0));
    }
}
