//! From the text of a filter to its tree.

use super::expr::{At, Check, Expr, Field, Op, Value, join, wrong};
use super::lex::{Lexer, Token};
use crate::error::{Error, Result};
use crate::vocab::Permission;
use std::fmt;

/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 64;

/// Reads a whole condition.
///
/// # Errors
/// `Invalid`, with the place.
pub fn parse(text: &str) -> Result<Expr> {
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at };
    if parser.token == Token::End {
        // An empty variable in a script must not come to mean all rows.
        return Err(Error::invalid("the condition is empty: leave it out, or write `all` where all rows are meant"));
    }
    let expr = parser.any(0)?;
    match parser.token {
        Token::End => Ok(expr),
        _ => Err(parser.wrong("`and`, `or` or the end was expected")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that is next, and the byte that it starts at.
    token: Token,
    at: usize,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Expr> {
        let mut all = self.both(depth)?;
        while self.takes("or")? {
            all = join(all, self.both(depth)?, false);
        }
        Ok(all)
    }

    fn both(&mut self, depth: usize) -> Result<Expr> {
        let mut all = self.one(depth)?;
        while self.takes("and")? {
            all = join(all, self.one(depth)?, true);
        }
        Ok(all)
    }

    fn one(&mut self, depth: usize) -> Result<Expr> {
        if depth > DEPTH_MAX {
            return Err(self.wrong(format_args!("it nests deeper than {DEPTH_MAX} levels")));
        }
        if self.takes("not")? {
            return Ok(Expr::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes_mark("(")? {
            let expr = self.any(depth + 1)?;
            self.expect_mark(")")?;
            return Ok(expr);
        }
        if self.takes("has")? {
            return Ok(Expr::Test(self.field()?, Check::Exists));
        }
        let bare = self.token == Token::Word("all".into());
        let field = self.field()?;
        let ends = matches!(self.token, Token::End | Token::Mark(")")) || self.is("and") || self.is("or");
        if bare && ends {
            return Ok(Expr::And(Vec::new()));
        }
        self.check(field)
    }

    fn field(&mut self) -> Result<Field> {
        let at = Some(self.place());
        if ["in", "like", "contains", "is", "null", "and", "or", "allows"].iter().any(|word| self.is(word)) {
            return Err(self.wrong("a column was expected (a column of this name is quoted)"));
        }
        let name = match self.take()? {
            Token::Word(name) | Token::Quoted(name) => name,
            _ => return Err(wrong(at.as_ref(), "a column was expected")),
        };
        let mut axis = None;
        if name == "label" && self.takes_mark("(")? {
            axis = Some(self.value()?.text);
            self.expect_mark(")")?;
        }
        Ok(Field { name, axis, at })
    }

    fn check(&mut self, field: Field) -> Result<Expr> {
        if let Token::Mark(mark @ ("=" | "!=" | "<" | "<=" | ">" | ">=")) = self.token {
            self.take()?;
            let op = match mark {
                "<" => Op::Lt,
                "<=" => Op::Le,
                ">" => Op::Gt,
                ">=" => Op::Ge,
                _ => Op::Eq,
            };
            let test = Expr::Test(field, Check::Compare(op, self.value()?));
            return Ok(negated(test, mark == "!="));
        }
        if self.takes("is")? {
            let not = self.takes("not")?;
            if !self.takes("null")? {
                return Err(self.wrong("`null` was expected"));
            }
            return Ok(negated(Expr::Test(field, Check::Exists), !not));
        }
        let not = self.takes("not")?;
        let check = if self.takes("in")? {
            Check::In(self.values()?)
        } else if self.takes("like")? {
            Check::Like(self.value()?)
        } else if self.takes("contains")? {
            Check::Contains(self.value()?)
        } else if self.takes("allows")? {
            let value = self.value()?;
            Check::Allows(Permission::named(&value.text).map_err(|error| wrong(value.at.as_ref(), error.message()))?)
        } else {
            return Err(self.wrong("`=`, `!=`, `<`, `>`, `in`, `like`, `contains`, `is null` or `allows` was expected"));
        };
        Ok(negated(Expr::Test(field, check), not))
    }

    fn values(&mut self) -> Result<Vec<Value>> {
        self.expect_mark("(")?;
        let mut values = vec![self.value()?];
        while self.takes_mark(",")? {
            values.push(self.value()?);
        }
        self.expect_mark(")")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<Value> {
        let at = Some(self.place());
        match self.token {
            Token::Word(_) if ["and", "or", "not", "in", "is", "null", "has"].iter().any(|word| self.is(word)) => {
                Err(self.wrong("a value was expected (this word as a value is quoted; for null there is `is null`)"))
            }
            Token::Word(_) | Token::Quoted(_) => Ok(match self.take()? {
                Token::Quoted(text) => Value { text, quoted: true, at },
                Token::Word(text) => Value { text, quoted: false, at },
                Token::Mark(_) | Token::End => return Err(wrong(at.as_ref(), "a value was expected")),
            }),
            Token::Mark(_) | Token::End => Err(self.wrong("a value was expected")),
        }
    }

    fn is(&self, keyword: &str) -> bool {
        matches!(&self.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn takes(&mut self, keyword: &str) -> Result<bool> {
        let is = self.is(keyword);
        if is {
            self.take()?;
        }
        Ok(is)
    }

    fn takes_mark(&mut self, mark: &'static str) -> Result<bool> {
        let is = self.token == Token::Mark(mark);
        if is {
            self.take()?;
        }
        Ok(is)
    }

    fn expect_mark(&mut self, mark: &'static str) -> Result<()> {
        match self.takes_mark(mark)? {
            true => Ok(()),
            false => Err(self.wrong(format_args!("`{mark}` was expected"))),
        }
    }

    fn take(&mut self) -> Result<Token> {
        let (next, at) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn place(&self) -> At {
        self.lexer.place(self.at)
    }

    fn wrong(&self, what: impl fmt::Display) -> Error {
        wrong(Some(&self.place()), what)
    }
}

fn negated(expr: Expr, not: bool) -> Expr {
    if not { Expr::Not(Box::new(expr)) } else { expr }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Filter;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        Filter::parse(text).unwrap().to_string()
    }

    #[test]
    fn and_binds_more_than_or_and_not_most() {
        assert_eq!(shown("a = 1 or not b = 2 and c = 3"), "a = 1 or (not b = 2 and c = 3)");
        assert_eq!(shown("not (a=1 OR b=2)"), "not (a = 1 or b = 2)");
        assert_eq!(shown("all"), "all");
        assert_eq!(shown("all"), "all");
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        assert_eq!(shown(r#"task = 'a "b" \'c\''"#), r#"task = "a \"b\" 'c'""#);
        assert_eq!(shown("id in (x-1, 'and', 7)"), r#"id in (x-1, "and", 7)"#);
        assert_eq!(shown("x is null"), "not has x");
        assert_eq!(shown("x not like 'a%'"), r#"not x like "a%""#);
        assert_eq!(shown("label(safety/cvs/c1) = yes"), r#"label("safety/cvs/c1") = yes"#);
        assert_eq!(shown("licence allows commercial"), "licence allows commercial-ok");
    }

    #[test]
    fn an_error_points_at_the_place() {
        for (text, character, word) in [
            ("task = ", 8, "a value"),
            ("task \"x\"", 6, "`=`"),
            ("task = a b", 10, "`and`"),
            ("task in a", 9, "`(`"),
            ("(task = a", 10, "`)`"),
            ("task = 'a", 8, "not closed"),
            ("é = ?", 5, "quote"),
            ("and = 3", 1, "a column"),
            ("licence allows fun", 16, "commercial-ok"),
        ] {
            let message = Filter::parse(text).unwrap_err().to_string();
            assert!(message.contains(&format!("character {character}")), "{text}: {message}");
            assert!(message.contains(word), "{text}: {message}");
        }
        assert!(Filter::parse(&"not ".repeat(1000)).unwrap_err().to_string().contains("deep"));
        assert!(Filter::parse(&"(".repeat(100_000)).unwrap_err().to_string().contains("deep"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_printed_is_read_back(text in r#"(a|b\.c|=|<|in|not|and|or|\(|\)|"|'x y'|1|is|null|has|all|,| |\\|é){0,14}"#) {
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
            }
        }
    }
}
