//! Reasoning as a tree to fold.

use super::html::{Html, shortened};
use crate::ui;
use surgdb::schema::views::{Node, Reasoning};

/// The most nodes of a tree that are shown.
const NODES_MAX: usize = 200;
/// Nodes deeper than this stand beside their parent.
const DEPTH_MAX: usize = 24;
/// The most characters of a node that are shown.
const TEXT_MAX: usize = 600;
/// Trees of more nodes are folded at first.
const OPEN_MAX: usize = 12;

/// Writes the reasoning of a sample; nothing where there is none.
pub fn reasoning(html: &mut Html, reasoning: &Reasoning<'_>) {
    if reasoning.is_empty() {
        return;
    }
    let open: &[(&str, &str)] = if reasoning.len() <= OPEN_MAX { &[("open", "")] } else { &[] };
    html.within("details", &[&[("class", "reasoning")], open].concat(), |html| {
        html.leaf("summary", &[], format!("Reasoning: {}", ui::counted(reasoning.len() as u64, "step")));
        html.within("ul", &[("class", "tree")], |html| nodes(html, reasoning));
    });
}

fn nodes(html: &mut Html, reasoning: &Reasoning<'_>) {
    // Where the subtrees end that are open, the innermost last.
    let mut ends: Vec<usize> = Vec::new();
    for node in reasoning.iter().take(NODES_MAX) {
        while ends.last().is_some_and(|end| *end <= node.number()) {
            ends.pop();
            (0..3).for_each(|_| html.close());
        }
        let has_children = node.subtree_end() > node.number() + 1;
        html.open("li", &[]);
        if has_children && ends.len() < DEPTH_MAX {
            html.open("details", &[("open", "")]);
            html.within("summary", &[], |html| text(html, &node));
            html.open("ul", &[]);
            ends.push(node.subtree_end());
        } else {
            text(html, &node);
            html.close();
        }
    }
    ends.iter().for_each(|_| (0..3).for_each(|_| html.close()));
    if let Some(more) = reasoning.len().checked_sub(NODES_MAX).filter(|more| *more > 0) {
        html.leaf("li", &[("class", "faint")], format!("… and {} more", ui::count(more as u64)));
    }
}

fn text(html: &mut Html, node: &Node<'_>) {
    if let Some(level) = node.level() {
        let class = format!("level l{}", level.clamp(0, 4));
        html.leaf("b", &[("class", &class)], level);
    }
    if let Some(kind) = node.kind() {
        html.leaf("em", &[], kind);
        html.text(" ");
    }
    // The tree's own lines stand in for the bullets that the text had.
    let bare =
        if node.parent().is_some() { node.text().trim_start_matches(['-', '*', '•', ' ']) } else { node.text() };
    let (start, cut) = shortened(bare.trim(), TEXT_MAX);
    html.text(start);
    if cut > 0 {
        html.leaf("span", &[("class", "faint")], format!(" … {} more characters", ui::count(cut as u64)));
    }
    let evidence = node.evidence().len() as u64;
    if evidence > 0 {
        html.leaf("span", &[("class", "faint")], format!(" → {}", ui::counted(evidence, "reference")));
    }
}
