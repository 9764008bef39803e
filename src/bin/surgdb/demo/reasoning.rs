//! The reasoning behind an answer, as the text of a tree in three levels.

use super::questions::{Frame, looks};

/// What is seen, how it relates, and what it means, about this frame.
///
/// Level 1 is perceptual grounding, level 2 relational understanding, level 3 contextual reasoning; an indented
/// line is a child of the one above it.
pub fn about(frame: &Frame<'_>) -> String {
    let stage = frame.moment.stage();
    let mut lines = Vec::new();
    lines.push("Level 1: Two instruments are in view.".to_owned());
    for ((act, bounds), side) in stage.acts.iter().zip(&frame.boxes).zip(["left", "right"]) {
        let (name, shape) = (act.kind.name(), looks(act.kind));
        lines.push(format!("  - The one on the {side} is a {name}."));
        lines.push(format!("    - It has {shape}."));
        if let Some([x0, y0, x1, y1]) = bounds {
            lines.push(format!("    - It is within [{x0:.3}, {y0:.3}, {x1:.3}, {y1:.3}]."));
        }
    }
    lines.push(format!("Level 2: Together they work on the {}.", stage.acts[1].target.replace('_', " ")));
    for act in stage.acts {
        lines.push(format!("  - The {} {}s the {}.", act.kind.name(), act.verb, act.target.replace('_', " ")));
    }
    lines.push(format!("Level 3: Seen together this is the {}, in the phase {}.", stage.step, stage.phase));
    lines.push(format!("  - {}", stage.concern));
    lines.push(String::new());
    lines.join("\n")
}
