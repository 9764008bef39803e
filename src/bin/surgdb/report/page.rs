//! The page: what the dataset is, its numbers, and samples of it.

use super::choose::Chosen;
use super::html::Html;
use super::picture::Pictures;
use super::plots::{self, bar_cell, share};
use super::{sample, shown};
use crate::info;
use crate::ui::{self, Counts};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use surgdb::dataset::{Group, MediaStats, NOT_SAID, Stats};
use surgdb::format::manifest::Source;
use surgdb::{Dataset, Result, Table};

/// Values of a column or an axis that are listed.
const VALUES: usize = 15;
/// Different sizes of pictures that are drawn.
const SIZES: usize = 300;
/// What may be loaded: what the page has in itself, and nothing that runs.
const POLICY: &str = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/// What the page is about.
pub struct About<'a> {
    /// Its heading.
    pub title: &'a str,
    /// The condition, where it is of a part of the dataset.
    pub condition: Option<&'a str>,
    /// What was counted.
    pub stats: &'a Stats,
    /// What is shown.
    pub chosen: &'a Chosen,
}

/// Writes the whole page.
pub fn write(about: &About<'_>, pictures: &mut Pictures<'_>) -> Result<String> {
    let (dataset, stats) = (pictures.dataset, about.stats);
    let mut sections = Sections::default();
    sections.add("sources", "Sources", |html| sources(html, dataset, stats))?;
    sections.add("composition", "What there is", |html| composition(html, stats))?;
    sections.add("lengths", "Texts and reasoning", |html| lengths(html, stats))?;
    sections.add("pictures", "Kinds and sizes", |html| media(html, stats))?;
    sections.add("labels", "Annotations and labels", |html| labels(html, stats))?;
    sections.add("samples", "Samples", |html| samples(html, pictures, about))?;
    sections.add("shown", "Pictures and videos", |html| shown::write(html, pictures, about.chosen))?;

    let mut html = Html::default();
    html.own("<!doctype html>\n");
    html.open("html", &[("lang", "en")]);
    head(&mut html, about.title);
    html.open("body", &[]);
    html.leaf("a", &[("class", "skip"), ("href", "#main")], "Skip to the content");
    banner(&mut html, dataset, about)?;
    html.within("nav", &[("aria-label", "Parts of this page")], |html| {
        for (id, title) in &sections.written {
            html.leaf("a", &[("href", &format!("#{id}"))], title);
        }
    });
    html.within("main", &[("id", "main")], |html| html.part(sections.html));
    footer(&mut html, dataset);
    Ok(html.finish())
}

/// The parts of the page that have something in them.
#[derive(Default)]
struct Sections {
    html: Html,
    /// Their names for links, and their headings.
    written: Vec<(&'static str, &'static str)>,
}

impl Sections {
    /// Writes a part; nothing of it where it has nothing to say.
    fn add(
        &mut self,
        id: &'static str,
        title: &'static str,
        write: impl FnOnce(&mut Html) -> Result<()>,
    ) -> Result<()> {
        let mut part = Html::default();
        write(&mut part)?;
        if !part.is_empty() {
            self.written.push((id, title));
            self.html.within("section", &[("id", id)], |html| {
                html.leaf("h2", &[], title);
                html.part(part);
            });
        }
        Ok(())
    }
}

fn footer(html: &mut Html, dataset: &Dataset) {
    let (made, manifest) = (env!("CARGO_PKG_VERSION"), dataset.manifest());
    html.within("footer", &[], |html| {
        html.text(format_args!(
            "Made by surgdb {made} from version {} of dataset {}.",
            manifest.version, manifest.dataset
        ));
        html.text(" It loads nothing and runs nothing; pictures were scaled down and coded anew.");
    });
}

fn head(html: &mut Html, title: &str) {
    html.within("head", &[], |html| {
        html.void("meta", &[("charset", "utf-8")]);
        html.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
        html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.void("meta", &[("name", "robots"), ("content", "noindex")]);
        html.leaf("title", &[], format!("{title}: surgdb report"));
        html.own("<style>\n");
        html.own(include_str!("style.css"));
        html.own("</style>");
    });
}

fn banner(html: &mut Html, dataset: &Dataset, about: &About<'_>) -> Result<()> {
    let manifest = dataset.manifest();
    html.open("header", &[]);
    html.leaf("h1", &[], about.title);
    html.leaf(
        "p",
        &[("class", "facts")],
        format!(
            "version {} of {} · format {} · dataset {} · {}",
            manifest.version,
            manifest.time,
            manifest.format,
            manifest.dataset,
            ui::bytes(info::version_size(manifest))
        ),
    );
    if let Some(condition) = about.condition {
        html.within("p", &[("class", "part")], |html| {
            html.text("Only the samples where ");
            html.leaf("code", &[], condition);
            html.text(", and what they show");
        });
    }
    html.within("ul", &[("class", "cards")], |html| {
        let stats = about.stats;
        let mut card = |number: u64, what: &str, more: String| {
            html.within("li", &[], |html| {
                html.leaf("b", &[], ui::count(number));
                html.leaf("span", &[], what);
                html.leaf("small", &[], more);
            });
        };
        let samples = &stats.samples.all;
        card(
            samples.samples,
            "conversations",
            format!("{} turns, {} of text", ui::count(samples.turns), ui::bytes(samples.text_bytes)),
        );
        card(samples.reasoned, "with reasoning", format!("{} steps", ui::count(samples.reasoning_nodes)));
        card(stats.frames.all.count, "pictures", held(stats.frames.all.missing, stats.frames.all.bytes));
        card(stats.videos.all.count, "videos", held(stats.videos.all.missing, stats.videos.all.bytes));
        card(
            stats.annotations.count,
            "annotations",
            format!("{} boxes, {} masks", ui::count(stats.annotations.boxes), ui::count(stats.annotations.masks)),
        );
        if about.condition.is_none() {
            card(dataset.count(Table::Cases)?, "cases", String::new());
        }
        Ok::<_, surgdb::Error>(())
    })?;
    html.close();
    Ok(())
}

fn held(missing: u64, bytes: u64) -> String {
    match missing {
        0 => ui::bytes(bytes),
        missing => format!("{}, {} missing", ui::bytes(bytes), ui::count(missing)),
    }
}

/// A table that scrolls where it is too wide; its caption names it. Heads that start with `>` are of numbers.
fn table(html: &mut Html, caption: &str, heads: &[&str], rows: impl FnOnce(&mut Html)) {
    html.within(
        "div",
        &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)],
        |html| {
            html.within("table", &[], |html| {
                html.leaf("caption", &[], caption);
                html.within("thead", &[], |html| {
                    html.within("tr", &[], |html| {
                        for head in heads {
                            let (class, head) = head.strip_prefix('>').map_or(("", *head), |head| ("n", head));
                            html.leaf("th", &[("scope", "col"), ("class", class)], head);
                        }
                    });
                });
                html.within("tbody", &[], rows);
            });
        },
    );
}

fn row_head(html: &mut Html, text: &str) {
    html.leaf("th", &[("scope", "row")], super::html::shortened(text, 120).0);
}

fn cells<const N: usize>(html: &mut Html, texts: [String; N]) {
    texts.iter().for_each(|text| html.leaf("td", &[("class", "n")], text));
}

fn sources(html: &mut Html, dataset: &Dataset, stats: &Stats) -> Result<()> {
    let manifest = dataset.manifest();
    if manifest.sources.is_empty() {
        return Ok(());
    }
    let of_column = stats.samples.by.iter().find(|(column, _)| column == "source").map(|(_, groups)| groups);
    let heads = ["source", "licence", ">conversations", ">pictures", ">videos", ">annotations", ">bytes", "what it is"];
    table(html, "Where the data comes from", &heads, |html| {
        for source in &manifest.sources {
            html.open("tr", &[]);
            row_head(html, &source.id);
            html.leaf("td", &[], source.licence.as_deref().unwrap_or("no licence named"));
            let samples = of_column.and_then(|groups| groups.get(&source.id)).map_or(0, |group| group.samples);
            let (frames, videos) = (stats.frames.sources.get(&source.id), stats.videos.sources.get(&source.id));
            let counts = [
                samples,
                frames.map_or(0, |held| held.count),
                videos.map_or(0, |held| held.count),
                stats.annotations.sources.get(&source.id).copied().unwrap_or(0),
            ];
            cells(html, counts.map(ui::count));
            let bytes = frames.map_or(0, |held| held.bytes).saturating_add(videos.map_or(0, |held| held.bytes));
            cells(html, [ui::bytes(bytes)]);
            html.within("td", &[("class", "wide")], |html| about_source(html, source));
            html.close();
        }
    });
    Ok(())
}

fn about_source(html: &mut Html, source: &Source) {
    if let Some(title) = &source.title {
        html.text(title);
    }
    // An address is text here and no link: it is the source's own word.
    for text in [&source.citation, &source.url].into_iter().flatten() {
        html.leaf("small", &[], text);
    }
}

fn composition(html: &mut Html, stats: &Stats) -> Result<()> {
    let said = stats.samples.by.iter().filter(|(_, groups)| groups.keys().any(|value| value != NOT_SAID));
    let (same, different): (Vec<_>, Vec<_>) = said.partition(|(_, groups)| groups.len() == 1);
    if !same.is_empty() {
        table(html, "The same for all conversations", &["column", "value"], |html| {
            for (column, groups) in same {
                html.open("tr", &[]);
                row_head(html, column);
                groups.keys().for_each(|value| html.leaf("td", &[], super::html::shortened(value, 120).0));
                html.close();
            }
        });
    }
    different.into_iter().for_each(|(column, groups)| self::groups(html, column, groups));
    Ok(())
}

/// A column's values with their counts, the most frequent first; what is beyond the list is summed.
fn groups(html: &mut Html, column: &str, groups: &BTreeMap<String, Group>) {
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_by_key(|(value, group)| (Reverse(group.samples), *value));
    let most = sorted.first().map_or(0, |(_, group)| group.samples);
    let total: u64 = groups.values().map(|group| group.samples).sum();
    let numbers = [">share", ">turns", ">text", ">with reasoning", ">steps", ">deepest", ">media", ">their bytes"];
    let heads = [&[column, "conversations"][..], &numbers].concat();
    table(html, &format!("By {column}"), &heads, |html| {
        let (listed, rest) = sorted.split_at(sorted.len().min(VALUES));
        for (value, group) in listed {
            html.open("tr", &[]);
            row_head(html, value);
            bar_cell(html, group.samples, most, &ui::count(group.samples));
            let counts = [group.turns, group.reasoned, group.reasoning_nodes, group.reasoning_depth, group.media];
            let [turns, reasoned, nodes, depth, media] = counts.map(ui::count);
            let [text, bytes] = [group.text_bytes, group.media_bytes].map(ui::bytes);
            cells(html, [share(group.samples, total), turns, text, reasoned, nodes, depth, media, bytes]);
            html.close();
        }
        if !rest.is_empty() {
            html.open("tr", &[("class", "rest")]);
            row_head(html, &format!("{} more", ui::count(rest.len() as u64)));
            let sum = |of: fn(&Group) -> u64| rest.iter().map(|(_, group)| of(group)).sum::<u64>();
            let samples = sum(|group| group.samples);
            bar_cell(html, samples, most.max(samples), &ui::count(samples));
            let [turns, reasoned] = [sum(|group| group.turns), sum(|group| group.reasoned)].map(ui::count);
            let text = ui::bytes(sum(|group| group.text_bytes));
            let nodes = ui::count(sum(|group| group.reasoning_nodes));
            let depth = ui::count(rest.iter().map(|(_, group)| group.reasoning_depth).max().unwrap_or(0));
            let media = ui::count(sum(|group| group.media));
            // Their contents may be the same, so that their bytes have no sum.
            cells(html, [share(samples, total), turns, text, reasoned, nodes, depth, media, String::new()]);
            html.close();
        }
    });
}

fn lengths(html: &mut Html, stats: &Stats) -> Result<()> {
    let samples = &stats.samples;
    if samples.all.samples == 0 {
        return Ok(());
    }
    html.within("div", &[("class", "plots")], |html| {
        plots::histogram(html, "Text of a conversation, bytes", "bytes", &samples.text_bytes);
        plots::histogram(html, "Turns of a conversation", "turns", &samples.turns);
        plots::histogram(html, "Steps of reasoning", "steps", &samples.reasoning_nodes);
        plots::histogram(html, "Depth of reasoning", "levels", &samples.reasoning_depth);
        plots::histogram(html, "Text of the reasoning, bytes", "bytes", &samples.reasoning_bytes);
        plots::histogram(html, "Media of a conversation", "media", &samples.media);
    });
    html.within("div", &[("class", "tables")], |html| {
        counts(html, "Steps by level", "level", &samples.reasoning_levels);
        counts(html, "Steps by origin", "origin", &samples.reasoning_origins);
        counts(html, "Places in texts", "kind", &samples.grounding);
        let facts = [
            ("media that the model is to produce", samples.outputs),
            ("conversations with other endings", samples.alternatives),
            ("conversations with boxes or times in the text", samples.grounded),
        ];
        let facts = facts.into_iter().filter(|(_, count)| *count > 0);
        let facts: Vec<_> = facts.collect();
        if !facts.is_empty() {
            table(html, "Beyond turns", &["what", ">how many"], |html| {
                for (what, count) in facts {
                    html.open("tr", &[]);
                    row_head(html, what);
                    cells(html, [ui::count(count)]);
                    html.close();
                }
            });
        }
    });
    Ok(())
}

fn media(html: &mut Html, stats: &Stats) -> Result<()> {
    let (frames, videos) = (&stats.frames, &stats.videos);
    if frames.all.count == 0 && videos.all.count == 0 {
        return Ok(());
    }
    html.within("div", &[("class", "tables")], |html| {
        held_table(html, "Pictures by kind", frames);
        held_table(html, "Videos", videos);
        counts(html, "Pictures by origin", "origin", &frames.origins);
    });
    let mut sizes: Vec<_> =
        frames.sizes.iter().map(|(size, count)| ((f64::from(size.0), f64::from(size.1)), *count)).collect();
    sizes.sort_by_key(|size| Reverse(size.1));
    html.within("div", &[("class", "plots")], |html| {
        if !sizes.is_empty() {
            if sizes.len() > 1 {
                plots::scatter(html, "Sizes of pictures", &sizes[..sizes.len().min(SIZES)]);
            }
            let named = frames.sizes.iter().map(|((width, height), count)| (format!("{width}×{height}"), *count));
            let unknown =
                [("not known".to_owned(), frames.without_size), ("other sizes".to_owned(), frames.other_sizes)];
            let named = named.chain(unknown.into_iter().filter(|(_, count)| *count > 0)).collect();
            counts(html, "Pictures by size", "width×height", &named);
        }
    });
    Ok(())
}

fn held_table(html: &mut Html, caption: &str, media: &MediaStats) {
    if media.all.count == 0 {
        return;
    }
    let mut kinds: Vec<_> = media.kinds.iter().collect();
    kinds.sort_by_key(|(kind, held)| (Reverse(held.count), *kind));
    let most = kinds.first().map_or(0, |(_, held)| held.count);
    table(html, caption, &["kind", "how many", ">missing", ">no file named", ">bytes"], |html| {
        for (kind, held) in kinds.into_iter().take(VALUES) {
            html.open("tr", &[]);
            row_head(
                html,
                match kind.as_str() {
                    "no_file" => "of which no file is named",
                    kind => kind,
                },
            );
            bar_cell(html, held.count, most, &ui::count(held.count));
            let class = if held.missing > 0 { "n alarm" } else { "n" };
            html.leaf("td", &[("class", class)], ui::count(held.missing));
            cells(html, [ui::count(held.unnamed), ui::bytes(held.bytes)]);
            html.close();
        }
    });
}

fn labels(html: &mut Html, stats: &Stats) -> Result<()> {
    let annotations = &stats.annotations;
    if annotations.count == 0 {
        return Ok(());
    }
    html.within("div", &[("class", "tables")], |html| {
        counts(html, "Annotations by source", "source", &annotations.sources);
        counts(html, "Annotations by origin", "origin", &annotations.origins);
        counts(html, "Annotations by status", "status", &annotations.statuses);
        for (axis, labels) in &annotations.labels {
            let caption = match labels.raw {
                0 => format!("Labels: {axis}"),
                raw => format!("Labels: {axis} ({} without a canonical name)", ui::count(raw)),
            };
            counts(html, &caption, "label", &labels.counts);
        }
    });
    Ok(())
}

/// Values and how often they are there, the most frequent first; nothing where nothing is said.
fn counts(html: &mut Html, caption: &str, what: &str, counts: &Counts) {
    if counts.keys().all(|value| value == NOT_SAID) {
        return;
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(value, count)| (Reverse(**count), *value));
    let (most, total) = (sorted.first().map_or(0, |(_, count)| **count), counts.values().sum());
    table(html, caption, &[what, "how many", ">share"], |html| {
        let (listed, rest) = sorted.split_at(sorted.len().min(VALUES));
        let more = (!rest.is_empty()).then(|| {
            (format!("{} more", ui::count(rest.len() as u64)), rest.iter().map(|(_, count)| **count).sum::<u64>())
        });
        let listed = listed.iter().map(|(value, count)| ((*value).clone(), **count));
        for (value, count) in listed.chain(more) {
            html.open("tr", &[]);
            row_head(html, &value);
            bar_cell(html, count, most.max(count), &ui::count(count));
            cells(html, [share(count, total)]);
            html.close();
        }
    });
}

fn samples(html: &mut Html, pictures: &mut Pictures<'_>, about: &About<'_>) -> Result<()> {
    for (task, addresses) in &about.chosen.samples {
        html.leaf("h3", &[], task);
        html.within("div", &[("class", "samples")], |html| {
            addresses
                .iter()
                .try_for_each(|address| sample::sample(html, pictures, &pictures.dataset.conversation_at(*address)?))
        })?;
    }
    if about.chosen.other_tasks > 0 {
        let count = ui::counted(about.chosen.other_tasks as u64, "more task");
        html.leaf("p", &[("class", "faint")], format!("… and {count}: `surgdb show` shows any sample"));
    }
    Ok(())
}
