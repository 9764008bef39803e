use super::*;

/// A reader that gives few bytes at a time, as pipes do.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(out.len()).min(self.0.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

type Seen = Vec<std::result::Result<(u64, u64, u64, String), String>>;

fn read(text: &[u8]) -> Seen {
    let whole = collect(RecordReader::new(text));
    for step in [1, 3] {
        assert_eq!(collect(RecordReader::new(Dribble(text, step))), whole, "{step} bytes at a time");
    }
    whole
}

fn collect<R: Read>(mut reader: RecordReader<R>) -> Seen {
    let mut seen = Vec::new();
    while let Some(record) = reader.next_record() {
        seen.push(record.map(|r| (r.number, r.line, r.offset, r.text.to_string())).map_err(|e| e.to_string()));
    }
    seen
}

fn texts(text: &[u8]) -> Vec<String> {
    read(text).into_iter().map(|record| record.unwrap().3).collect()
}

#[test]
fn arrays_lines_and_concatenated_objects_give_the_same_records() {
    let expected = vec!["{\"a\":\"]}\"}".to_string(), "{\"a\": [1, {}]}".to_string()];
    for text in [
        "[{\"a\":\"]}\"},{\"a\": [1, {}]}]",
        "\u{feff}\r\n [ {\"a\":\"]}\"}\r\n,\r\n{\"a\": [1, {}]}\r\n]\r\n\r\n",
        "{\"a\":\"]}\"}\n{\"a\": [1, {}]}",
        "\n\n{\"a\":\"]}\"}\r\n\r\n  {\"a\": [1, {}]}  \r\n",
        "{\"a\":\"]}\"}{\"a\": [1, {}]}",
        "{ \"data\" : [{\"a\":\"]}\"},{\"a\": [1, {}]}] }\n",
    ] {
        assert_eq!(texts(text.as_bytes()), expected, "{text:?}");
    }
    assert_eq!(texts(b"{\n\"a\":1\n}\n{\n\"b\":2}"), ["{\n\"a\":1\n}", "{\n\"b\":2}"]);
    assert_eq!(texts(b"{\"a\":\"\\\"}\\\\\"}"), ["{\"a\":\"\\\"}\\\\\"}"]);
    for empty in ["", "\n", "[]", " [ ] ", "\u{feff}"] {
        assert_eq!(texts(empty.as_bytes()), Vec::<String>::new(), "{empty:?}");
    }
}

#[test]
fn a_record_knows_its_number_line_and_byte() {
    let seen = read(b"[\n {\"a\":\n1},\n\n {\"b\":2}\n]");
    assert_eq!(seen[0].as_ref().unwrap(), &(1, 2, 3, "{\"a\":\n1}".to_string()));
    assert_eq!(seen[1].as_ref().unwrap(), &(2, 5, 15, "{\"b\":2}".to_string()));
}

#[test]
fn faults_name_their_place() {
    for (text, message) in [
        ("[{\"a\":1},]", "record 2, line 1, byte 9: there is a comma before the `]` that ends the list"),
        ("[{\"a\":1}\n{\"b\":1}]", "record 2, line 2, byte 9: expected `,` or `]` after a record, found `{`"),
        ("[{\"a\":1}", "record 2, line 1, byte 8: the file ends too early: the list is not closed"),
        ("[{\"a\":1},\n{\"b\":\"x", "record 2, line 2, byte 10: the file ends at byte 17 in the middle of this record"),
        ("[{\"a\":1}] x", "record 2, line 1, byte 10: the list has ended, but `x` follows"),
        ("[1]", "record 1, line 1, byte 1: expected a record (`{`), found `1`"),
        ("hello", "record 1, line 1, byte 0: expected `[` or `{`, found `h`"),
        ("\0", "record 1, line 1, byte 0: expected `[` or `{`, found the byte 0x00"),
        ("{\"a\":1}\n{\"b\":\"x", "record 2, line 2, byte 8: the file ends in the middle of this record"),
        (
            "{\"data\":[{}], \"b\":1}",
            "record 2, line 1, byte 12: the object around the list holds more than the list: take the list out",
        ),
    ] {
        let seen = read(text.as_bytes());
        assert_eq!(seen.last().unwrap().as_ref().unwrap_err(), message, "{text:?}");
    }
    let seen = read(b"\xff\xfe[\0");
    assert!(seen[0].as_ref().unwrap_err().contains("UTF-16"));
    let seen = read(b"{\"a\":1}\n{\"b\":\"\xff\"}\n{\"c\":3}");
    assert_eq!(
        seen[1].as_ref().unwrap_err(),
        "record 2, line 2, byte 14: the bytes here are not UTF-8: convert the file"
    );
    assert_eq!(seen[2].as_ref().unwrap().0, 3);
}

#[test]
fn a_broken_line_costs_that_line_alone() {
    let seen = read(b"{\"a\":1}\n{\"b\":\"x\n{\"c\":3}} \n{\"d\":4}\n");
    assert!(seen[1].is_err() && seen[2].is_err());
    assert_eq!(seen[3].as_ref().unwrap(), &(4, 4, 26, "{\"d\":4}".to_string()));
}

#[test]
fn nesting_a_million_deep_is_refused_without_a_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(1_000_000), close.repeat(1_000_000));
        for text in [
            format!("[{{\"a\":{deep}}},{{}}]"),
            format!("{{}}\n{{\"a\":{deep}}}"),
            format!("[{{\"a\":{}", open.repeat(1_000_000)),
        ] {
            let seen = collect(RecordReader::new(text.as_bytes()));
            let error = seen.iter().find_map(|record| record.as_ref().err()).unwrap();
            assert!(error.contains("nested deeper than 128"), "{error}");
        }
    }
}

#[test]
fn a_record_beyond_the_limit_is_refused_and_the_buffer_stays_small() {
    let text = format!("[{{\"a\":\"{}\"}}]", "x".repeat(5 << 20));
    let mut reader = RecordReader::new(text.as_bytes()).with_limit(1 << 20);
    let error = reader.next_record().unwrap().unwrap_err();
    assert!(error.to_string().contains("longer than 1048576 bytes"), "{error}");
    assert!(reader.next_record().is_none());
    assert!(reader.ahead.capacity() <= 2 << 20, "{}", reader.ahead.capacity());
    let many = "{\"a\":1}\n".repeat(500_000);
    let mut reader = RecordReader::new(many.as_bytes());
    while let Some(record) = reader.next_record() {
        record.unwrap();
    }
    assert_eq!((reader.number, reader.ahead.capacity()), (500_000, CHUNK));
}

#[test]
fn a_parsers_complaint_gets_its_place_in_the_file() {
    let mut reader = RecordReader::new(&b"[{},\n{\"a\":\n tru}]"[..]);
    reader.next_record().unwrap().unwrap();
    let record = reader.next_record().unwrap().unwrap();
    let error = serde_json::from_str::<serde_json::Value>(record.text).unwrap_err();
    assert_eq!(record.error(&error).to_string(), "record 2, line 3, byte 15: expected ident");
}

/// How many records are read and how many are bad, and whether the reader says that it had to leave the rest.
fn tally(text: &str) -> (usize, usize, bool) {
    let seen = read(text.as_bytes());
    let good = seen.iter().filter(|record| record.is_ok()).count();
    let mut reader = RecordReader::new(text.as_bytes());
    while reader.next_record().is_some() {}
    (good, seen.len() - good, reader.check_rest().is_err())
}

#[test]
fn a_bad_record_costs_no_other_or_the_reader_says_that_it_leaves_the_rest() {
    assert_eq!(tally("{\"a\": 1\n{\"b\":2}\n{\"c\":3}\n"), (2, 1, false), "the first line is cut");
    assert_eq!(tally("# a comment\n{\"b\":2}\n{\"c\":3}\n"), (2, 1, false));
    assert_eq!(tally("null\n{\"b\":2}\n"), (1, 1, false));
    assert_eq!(tally("[{}, null, {}, -1.5e3, {}]"), (3, 2, false));
    assert_eq!(tally("[null]"), (0, 1, false));
    assert_eq!(tally("[{}, \"te\\\"],[xt\", {}, [{}, [\"]\"]], {}]"), (3, 2, false), "text and a list");
    assert_eq!(tally("[{}, \"text, {}]"), (1, 1, true), "nobody can say where the text ends");
    assert_eq!(tally("[{}, {}][{}, {}]"), (2, 1, true));
    assert_eq!(tally("[{} {}]"), (1, 1, true));
    assert_eq!(tally("[{}, {\"a\": "), (1, 1, false), "nothing follows");
    assert_eq!(tally("nothing of the kind"), (0, 1, true));
    assert_eq!(tally("{\"a\":\n1}\nnull\n{\"b\":\n2} 7 {}"), (3, 2, false), "objects one after the other");
    assert_eq!(tally("{\"a\":\n1}\n\"text\" {\"b\":\n2}"), (2, 1, false));
}
