//! The tasks that surgical models are trained for.

use super::{folded, parts, rows};
use once_cell::race::OnceBox;
use std::collections::HashMap;

/// A task, as `tasks.tsv` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its canonical name: what stands in the `task` column.
    pub name: &'static str,
    /// What it is given, besides the question.
    pub inputs: Vec<Medium>,
    /// What it answers with.
    pub output: Medium,
    /// What is asked, in a sentence.
    pub description: &'static str,
    /// Other names for it.
    pub aliases: Vec<&'static str>,
}

/// What a task takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Medium {
    /// Words, numbers and boxes.
    Text,
    /// A picture.
    Image,
    /// A clip.
    Video,
}

impl Medium {
    /// The medium with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "image" => Some(Self::Image),
            "video" => Some(Self::Video),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}

/// The 18 tasks, those about pictures first.
pub fn tasks() -> &'static [Task] {
    static TASKS: OnceBox<Vec<Task>> = OnceBox::new();
    TASKS.get_or_init(|| {
        let read = |[name, inputs, output, description, aliases]: [&'static str; 5]| Task {
            name,
            inputs: parts(inputs).filter_map(Medium::named).collect(),
            output: Medium::named(output).unwrap_or(Medium::Text),
            description,
            aliases: parts(aliases).collect(),
        };
        Box::new(rows(include_str!("tasks.tsv")).map(read).collect())
    })
}

/// The task with this name or alias, whatever its case, blanks and hyphens.
///
/// ```
/// assert_eq!(surgdb::vocab::task("Next-frame prediction").unwrap().name, "next frame generation");
/// assert!(surgdb::vocab::task("juggling").is_none());
/// ```
pub fn task(name: &str) -> Option<&'static Task> {
    // Every record of an import is asked for its task.
    static NAMED: OnceBox<HashMap<String, &'static Task>> = OnceBox::new();
    let named = NAMED.get_or_init(|| {
        let names =
            |task: &'static Task| std::iter::once(&task.name).chain(&task.aliases).map(move |name| (*name, task));
        Box::new(tasks().iter().flat_map(names).map(|(name, task)| (folded(name), task)).collect())
    });
    named.get(&folded(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_18_tasks_and_no_name_means_two() {
        assert_eq!(tasks().len(), 18);
        let mut names = HashSet::new();
        for task in tasks() {
            assert!(!task.description.is_empty() && !task.inputs.is_empty(), "{}", task.name);
            for name in task.aliases.iter().chain([&task.name]) {
                assert!(names.insert(folded(name)), "{name} stands twice");
            }
        }
    }

    #[test]
    fn the_table_says_nothing_that_the_code_does_not_know() {
        for [_, inputs, output, ..] in rows::<5>(include_str!("tasks.tsv")) {
            assert!(parts(inputs).all(|name| Medium::named(name).is_some()), "{inputs}");
            assert_eq!(Medium::named(output).map(Medium::name), Some(output));
        }
    }

    #[test]
    fn five_tasks_answer_with_media() {
        assert_eq!(tasks().iter().filter(|task| task.output != Medium::Text).count(), 5);
    }
}
