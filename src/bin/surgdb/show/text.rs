//! A sample as text.

use super::medium::Medium;
use crate::cell;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Table as Lines};
use serde_json::{Map, Value};
use surgdb::dataset::Conversation;
use surgdb::schema::views::{self, Grounding, Node, Part, Turn, Turns};
use surgdb::{Address, Dataset, Result};

/// Prints a sample: a head line, its turns with media in their places, reasoning, other endings.
pub fn sample(dataset: &Dataset, sample: &Conversation<'_>, out: &mut Output) -> Result<()> {
    out.line(format_args!(
        "{} {}",
        paint(Ink::Bold, sample.id()?),
        paint(Ink::Faint, &format!("[{}]", sample.address()))
    ))?;
    out.line(facts(dataset, sample)?)?;
    let parts = sample.parts()?;
    for (number, turn) in sample.turns()?.iter().enumerate() {
        let name = turn.name().map(|name| format!(" ({name})")).unwrap_or_default();
        out.section(format_args!("{}{name}", paint(Ink::Role, turn.role())))?;
        for part in parts.turn(number).into_iter().flatten() {
            match part {
                Part::Text(text) => indented(out, text.trim_matches('\n'), 2)?,
                Part::Medium(medium) => self::medium(dataset, &medium, 2, out)?,
            }
        }
        further(&turn, 2, out)?;
    }
    let shown: Vec<_> = sample.media()?.iter().map(|medium| medium.refs().get(0)).collect();
    grounding(dataset, sample.grounding()?, sample.turns()?, &shown, out)?;
    reasoning(sample, out)?;
    alternatives(dataset, sample, out)?;
    for (name, value) in [("solution", sample.solution()?), ("tools", sample.tools()?), ("extra", sample.extra()?)] {
        if let Some(value) = value {
            out.section(paint(Ink::Role, name))?;
            indented(out, value, 2)?;
        }
    }
    added(dataset, sample, out)
}

fn facts(dataset: &Dataset, sample: &Conversation<'_>) -> Result<String> {
    let mut facts = vec![format!("task {}", sample.task()?), format!("source {}", sample.source()?)];
    let mut say = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.push(format!("{name} {value}"));
        }
    };
    say("procedure", sample.procedure()?);
    say("specialty", sample.specialty()?);
    say("language", sample.language()?);
    say("origin", sample.origin()?);
    say("generator", sample.generator()?);
    let case = sample.case()?.map(|case| dataset.case(case)).transpose()?;
    if let Some(case) = &case {
        say("patient", case.patient()?);
    }
    say("preferred", sample.preferred()?.map(|preferred| if preferred { "yes" } else { "no" }));
    Ok(paint(Ink::Faint, &facts.join(" · ")))
}

/// What the columns say that were added to the table; those that say nothing are left out.
fn added(dataset: &Dataset, sample: &Conversation<'_>, out: &mut Output) -> Result<()> {
    let columns = cell::added(dataset, sample.row())?;
    let said: Vec<_> = columns.iter().filter_map(|(name, value)| Some((name, cell::text(value)?))).collect();
    if said.is_empty() {
        return Ok(());
    }
    out.section(paint(Ink::Role, "added columns"))?;
    let mut lines = Lines::new(&[Align::Left, Align::Left]);
    said.into_iter().for_each(|(name, value)| lines.row([name.clone(), value]));
    out.table(&lines, 2)
}

fn medium(dataset: &Dataset, medium: &views::Medium<'_>, blanks: usize, out: &mut Output) -> Result<()> {
    let mut lines = Vec::new();
    for address in medium.refs().iter() {
        lines.push(described(&Medium::at(dataset, address)?));
    }
    let clip = match (medium.start(), medium.end()) {
        (Some(start), Some(end)) => format!(" from {start} s to {end} s"),
        _ if lines.len() > 1 => format!(" a clip of {} frames", lines.len()),
        _ => String::new(),
    };
    let output = if medium.output() { " (to be produced)" } else { "" };
    for (number, line) in lines.iter().enumerate() {
        let more = if number == 0 { format!("{clip}{output}") } else { String::new() };
        let line = paint(Ink::Media, &format!("[{line}]"));
        out.line(format_args!("{}{line}{more}", " ".repeat(blanks)))?;
    }
    Ok(())
}

fn described(medium: &Medium) -> String {
    let mut text = format!("{} {} {}", medium.kind, medium.address, medium.name);
    if let Some((width, height)) = medium.pixels {
        text.push_str(&format!(" {width}x{height}"));
    }
    if let Some(seconds) = medium.duration {
        text.push_str(&format!(" {seconds:.1} s"));
    }
    match medium.size {
        Some(size) => text.push_str(&format!(" {}", ui::bytes(size))),
        None => text.push_str(" MISSING"),
    }
    for (name, value) in &medium.columns {
        if let Some(value) = cell::text(value) {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}

/// Prints boxes, points and times, with the first file of the medium that each is about: `shown` has those of all media that
/// they count over.
fn grounding(
    dataset: &Dataset,
    grounding: Grounding<'_>,
    turns: Turns<'_>,
    shown: &[Option<Address>],
    out: &mut Output,
) -> Result<()> {
    if grounding.is_empty() {
        return Ok(());
    }
    out.section(paint(Ink::Role, "grounding"))?;
    for item in grounding.iter() {
        let text = usize::try_from(item.turn()).ok().and_then(|turn| turns.get(turn));
        let text = text.and_then(|turn| item.text_in(turn.text())).unwrap_or_default();
        let about = usize::try_from(item.media()).ok().and_then(|number| shown.get(number).copied().flatten());
        let about = match about.map(|address| Medium::at(dataset, address)).transpose()? {
            Some(medium) => format!("{} {} {}", medium.kind, medium.address, medium.name),
            None => "a medium that is not there".to_owned(),
        };
        out.line(format_args!("  {} {:?} in {about}: {text}", item.kind(), item.values()))?;
    }
    Ok(())
}

fn reasoning(sample: &Conversation<'_>, out: &mut Output) -> Result<()> {
    let reasoning = sample.reasoning()?;
    if reasoning.is_empty() {
        return Ok(());
    }
    out.section(paint(Ink::Role, &format!("reasoning, {} nodes", reasoning.len())))?;
    // For each node, what stands before the branches of its children.
    let mut stems: Vec<String> = Vec::with_capacity(reasoning.len());
    for node in reasoning.iter() {
        let parent = node.parent().and_then(|parent| Some((stems.get(parent)?, reasoning.node(parent)?)));
        let (branch, stem) = match parent {
            None => (String::new(), String::new()),
            Some((stem, parent)) if node.subtree_end() == parent.subtree_end() => {
                (format!("{stem}└─ "), format!("{stem}   "))
            }
            Some((stem, _)) => (format!("{stem}├─ "), format!("{stem}│  ")),
        };
        self::node(&node, &branch, &stem, out)?;
        stems.push(stem);
    }
    Ok(())
}

/// Prints a node: its first line after the branch that leads to it, all others after the stem of its children.
fn node(node: &Node<'_>, branch: &str, stem: &str, out: &mut Output) -> Result<()> {
    let level = match node.level() {
        Some(level) if branch.is_empty() && !node.text().starts_with("Level") => format!("level {level}: "),
        _ => String::new(),
    };
    let mut lines = node.text().lines();
    let first = lines.next().unwrap_or_default();
    // The branch stands in for the bullet that the text had.
    let first = if branch.is_empty() { first } else { first.trim_start_matches(['-', '*', '•', ' ']) };
    out.line(format_args!("  {}{level}{first}", paint(Ink::Faint, branch)))?;
    let stem = paint(Ink::Faint, stem);
    lines.try_for_each(|line| out.line(format_args!("  {stem}{line}")))?;
    for evidence in node.evidence().iter() {
        let address = evidence.address().map(|address| address.to_string()).unwrap_or_default();
        let place = evidence.bbox().map(|bbox| format!(" {bbox:?}")).unwrap_or_default();
        out.line(format_args!("  {stem}{}", paint(Ink::Media, &format!("[see {address}{place}]"))))?;
    }
    Ok(())
}

fn alternatives(dataset: &Dataset, sample: &Conversation<'_>, out: &mut Output) -> Result<()> {
    let of_sample: Vec<_> = sample.media()?.iter().map(|medium| medium.refs().get(0)).collect();
    for alternative in sample.alternatives()?.iter() {
        let score = alternative.score().map(|score| format!(", score {score}")).unwrap_or_default();
        out.section(format_args!("{}{score}", paint(Ink::Role, alternative.kind())))?;
        let parts = alternative.parts()?;
        for (number, turn) in alternative.turns().iter().enumerate() {
            out.line(format_args!("  {}", paint(Ink::Faint, turn.role())))?;
            for part in parts.turn(number).into_iter().flatten() {
                match part {
                    Part::Text(text) => indented(out, text.trim_matches('\n'), 4)?,
                    Part::Medium(medium) => self::medium(dataset, &medium, 4, out)?,
                }
            }
            further(&turn, 4, out)?;
        }
        // It counts its own media first.
        let own = alternative.media();
        let shown: Vec<_> = own.iter().map(|medium| medium.refs().get(0)).chain(of_sample.iter().copied()).collect();
        grounding(dataset, alternative.grounding(), alternative.turns(), &shown, out)?;
    }
    Ok(())
}

/// What a turn says beside its text, such as calls of tools; how its text was written is no part of that.
fn further(turn: &Turn<'_>, blanks: usize, out: &mut Output) -> Result<()> {
    let fields = turn.extra().and_then(|extra| serde_json::from_str::<Map<String, Value>>(extra).ok());
    for (name, value) in fields.into_iter().flatten().filter(|(name, _)| !name.starts_with('~')) {
        indented(out, &format!("{} {value}", paint(Ink::Faint, &name)), blanks)?;
    }
    Ok(())
}

fn indented(out: &mut Output, text: &str, blanks: usize) -> Result<()> {
    text.lines().try_for_each(|line| out.line(format_args!("{}{line}", " ".repeat(blanks))))
}
