//! The 18 tasks: what is asked about a frame, and what the answer is.

use super::instrument::Kind;
use super::reasoning;
use super::story::{Act, Moment};

/// How many frames stand for a clip.
const CLIP_FRAMES: usize = 8;

/// A drawn frame, and where its instruments are.
pub struct Frame<'a> {
    /// When and what.
    pub moment: Moment<'a>,
    /// The box around each instrument: x0, y0, x1, y1, 0–1.
    pub boxes: Vec<Option<[f32; 4]>>,
}

/// One of the tasks.
pub struct Task {
    /// Its name, as the crate's vocabulary has it.
    pub name: &'static str,
    suits: fn(&Frame<'_>) -> bool,
    question: fn(&Frame<'_>, usize) -> Question,
}

/// A question with its answer.
pub struct Question {
    /// What is asked, without placeholders.
    pub text: String,
    /// What is shown with it.
    pub shown: Shown,
    /// The answer.
    pub answer: Answer,
    /// The reasoning that leads to it; empty where there is none.
    pub reasoning: String,
}

/// What a question shows.
pub enum Shown {
    /// Nothing: the question is words alone.
    Nothing,
    /// The frame.
    Frame,
    /// The frame behind smoke.
    Smoky,
    /// The clip that begins with the frame.
    Clip,
    /// These frames, as a clip.
    Frames(Vec<String>),
}

/// What an answer is.
pub enum Answer {
    /// Words.
    Text(String),
    /// A picture, by its path.
    Picture(String),
    /// A clip, by its path.
    Clip(String),
}

impl Task {
    /// Whether this can be asked about this frame.
    pub fn suits(&self, frame: &Frame<'_>) -> bool {
        (self.suits)(frame)
    }

    /// The question about this frame, in one of its wordings.
    pub fn ask(&self, frame: &Frame<'_>, wording: usize) -> Question {
        (self.question)(frame, wording)
    }
}

const fn task(name: &'static str, suits: fn(&Frame<'_>) -> bool, question: fn(&Frame<'_>, usize) -> Question) -> Task {
    Task { name, suits, question }
}

/// All 18.
pub const TASKS: [Task; 18] = [
    task("instrument recognition", any, instruments),
    task("instrument localisation", in_sight, instrument_box),
    task("instrument segmentation", |frame| frame.moment.has_mask(), mask),
    task("tissue/organ recognition", any, tissues),
    task("tissue/organ localisation", in_sight, tissue_box),
    task("phase recognition", any, phase),
    task("step recognition", any, step),
    task("action recognition", clip, action),
    task("triplet recognition", any, triplets),
    task("depth estimation", |frame| frame.moment.has_depth(), depth),
    task("safety assessment", |frame| frame.moment.operation.organ, safety),
    task("image captioning", any, caption),
    task("video captioning", clip, clip_caption),
    task("action remaining prediction", clip, remaining),
    task("next action planning", clip, next_action),
    task("desmoking", |frame| frame.moment.has_smoke(), desmoking),
    task("next frame generation", |frame| frame.moment.next().is_some(), next_frame),
    task("conditional video generation", |frame| frame.moment.has_clip(), generated_clip),
];

fn any(_: &Frame<'_>) -> bool {
    true
}

fn in_sight(frame: &Frame<'_>) -> bool {
    frame.boxes.iter().all(Option::is_some)
}

fn clip(frame: &Frame<'_>) -> bool {
    frame.moment.has_clip() || following(&frame.moment).len() == CLIP_FRAMES
}

fn following(moment: &Moment<'_>) -> Vec<String> {
    std::iter::successors(Some(*moment), Moment::next).take(CLIP_FRAMES).map(|moment| moment.stem()).collect()
}

fn shown_clip(frame: &Frame<'_>) -> Shown {
    if frame.moment.has_clip() { Shown::Clip } else { Shown::Frames(following(&frame.moment)) }
}

fn about(frame: &Frame<'_>, wording: usize, wordings: &[&str], answer: String) -> Question {
    Question {
        text: wordings[wording % wordings.len()].replace("{procedure}", frame.moment.operation.procedure),
        shown: Shown::Frame,
        answer: Answer::Text(answer),
        reasoning: reasoning::about(frame),
    }
}

fn words(label: &str) -> String {
    label.replace('_', " ")
}

fn names(acts: &[Act; 2]) -> String {
    match acts[0].kind == acts[1].kind {
        true => format!("two {}s", acts[0].kind.name()),
        false => format!("a {} and a {}", acts[0].kind.name(), acts[1].kind.name()),
    }
}

fn instruments(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings =
        ["Which instruments can be seen?", "Name the instruments in this frame.", "What is the surgeon working with?"];
    about(frame, wording, &wordings, format!("There are {} in view.", names(&frame.moment.stage().acts)))
}

fn instrument_box(frame: &Frame<'_>, wording: usize) -> Question {
    let side = wording % 2;
    let kind = frame.moment.stage().acts[side].kind;
    let place = ["left", "right"][side];
    let mut question = about(frame, 0, &["?"], format!("It is at {}.", coordinates(frame.boxes[side])));
    question.text = match wording / 2 % 2 {
        0 => format!("Where is the {} that comes from the {place}? Give its box as [x0, y0, x1, y1].", kind.name()),
        _ => format!("Find the {} on the {place} and say which box it takes up, from 0 to 1.", kind.name()),
    };
    question
}

fn tissue_box(frame: &Frame<'_>, wording: usize) -> Question {
    let target = words(frame.moment.stage().acts[1].target);
    let wordings = ["Where is the tissue that is being worked on?", "Box the structure at the tip of the instrument."];
    about(frame, wording, &wordings, format!("The {target} is at {}.", coordinates(reached(frame))))
}

/// A box around the place that the right instrument reaches: what it works on.
fn reached(frame: &Frame<'_>) -> Option<[f32; 4]> {
    let [.., right] = frame.moment.poses(0.0);
    let (x, y) = (right.tip.0 / super::ASPECT, right.tip.1);
    Some([(x - 0.09).max(0.0), (y - 0.12).max(0.0), (x + 0.07).min(1.0), (y + 0.12).min(1.0)])
}

fn coordinates(bounds: Option<[f32; 4]>) -> String {
    let [x0, y0, x1, y1] = bounds.unwrap_or([0.0, 0.0, 1.0, 1.0]);
    format!("[{x0:.3}, {y0:.3}, {x1:.3}, {y1:.3}]")
}

fn tissues(frame: &Frame<'_>, wording: usize) -> Question {
    let organs = frame.moment.operation.organs;
    let wordings = ["Which organs and tissues are visible?", "What anatomy does this picture show?"];
    about(frame, wording, &wordings, format!("The picture shows {}.", listed(organs)))
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn phase(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings = ["Which phase of the {procedure} is this?", "Name the current phase.", "What phase are we in?"];
    about(frame, wording, &wordings, format!("This is the phase {}.", frame.moment.stage().phase))
}

fn step(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings = ["Which step of the {procedure} is under way?", "What is being done, as a step of the operation?"];
    about(frame, wording, &wordings, format!("The step is the {}.", frame.moment.stage().step))
}

fn triplets(frame: &Frame<'_>, wording: usize) -> Question {
    let acts = frame.moment.stage().acts;
    let written: Vec<String> = acts.iter().map(|a| format!("<{}, {}, {}>", a.kind.name(), a.verb, a.target)).collect();
    let wordings = ["List the action triplets of this frame.", "Who does what to what? Answer in triplets."];
    about(frame, wording, &wordings, written.join("; "))
}

fn safety(frame: &Frame<'_>, wording: usize) -> Question {
    let met = frame.moment.critical_view();
    let verdicts: Vec<String> =
        (1..).zip(met).map(|(n, met)| format!("Criterion {n}: {}.", if met { "met" } else { "not met" })).collect();
    let wordings =
        ["Judge the three criteria of the critical view of safety.", "Is the critical view of safety reached here?"];
    about(frame, wording, &wordings, verdicts.join(" "))
}

fn caption(frame: &Frame<'_>, wording: usize) -> Question {
    let stage = frame.moment.stage();
    let text = format!(
        "A frame of a laparoscopic {}: during {}, {} are used for the {}. {}",
        frame.moment.operation.procedure,
        stage.phase,
        names(&stage.acts),
        stage.step,
        stage.concern
    );
    about(frame, wording, &["Describe this picture.", "Write a caption for this frame."], text)
}

fn in_clip(frame: &Frame<'_>, question: Question) -> Question {
    Question { shown: shown_clip(frame), ..question }
}

fn doing(act: Act) -> String {
    format!("the {} {}s the {}", act.kind.name(), act.verb, words(act.target))
}

fn action(frame: &Frame<'_>, wording: usize) -> Question {
    let act = frame.moment.stage().acts[1];
    let wordings = ["Which action does the clip show?", "What does the right-hand instrument do?"];
    let answer = format!("The action is to {} the {}.", act.verb, words(act.target));
    in_clip(frame, about(frame, wording, &wordings, answer))
}

fn clip_caption(frame: &Frame<'_>, wording: usize) -> Question {
    let [left, right] = frame.moment.stage().acts;
    let answer = format!("While {}, {}.", doing(left), doing(right));
    in_clip(frame, about(frame, wording, &["Describe the clip.", "What happens in this clip?"], answer))
}

fn remaining(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings = ["How long will this action still take?", "In how many seconds will this be done?"];
    in_clip(frame, about(frame, wording, &wordings, format!("{} seconds", frame.moment.seconds_left())))
}

fn next_action(frame: &Frame<'_>, wording: usize) -> Question {
    let answer = match frame.moment.next_stage() {
        Some(next) => format!("Next, {}.", doing(next.acts[1])),
        None => "Next, the instruments are withdrawn.".to_owned(),
    };
    in_clip(frame, about(frame, wording, &["What should be done next?", "Plan the next action."], answer))
}

fn media(frame: &Frame<'_>, wording: usize, wordings: &[&str], answer: Answer) -> Question {
    Question { answer, reasoning: String::new(), ..about(frame, wording, wordings, String::new()) }
}

fn mask(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings =
        ["Segment the instruments: white where they are, black elsewhere.", "Give the mask of all instruments."];
    media(frame, wording, &wordings, Answer::Picture(format!("masks/{}.png", frame.moment.stem())))
}

fn depth(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings = ["Estimate the depth of this frame as a grey picture.", "Give the depth map of this frame."];
    media(frame, wording, &wordings, Answer::Picture(format!("depth/{}.png", frame.moment.stem())))
}

fn desmoking(frame: &Frame<'_>, wording: usize) -> Question {
    let wordings = ["Take the smoke out of this picture.", "Show this frame as it would be without smoke."];
    let clear = Answer::Picture(format!("desmoked/{}.jpg", frame.moment.stem()));
    Question { shown: Shown::Smoky, ..media(frame, wording, &wordings, clear) }
}

fn next_frame(frame: &Frame<'_>, wording: usize) -> Question {
    let next = frame.moment.next().unwrap_or(frame.moment);
    let later = (next.seconds() - frame.moment.seconds()) as u32;
    let action = doing(next.stage().acts[1]);
    let text = match wording % 2 {
        0 => format!("Show the frame {later} seconds later; {action}."),
        _ => format!("What will this look like in {later} seconds, while {action}?"),
    };
    let answer = Answer::Picture(format!("frames/{}.jpg", next.stem()));
    Question { text, ..media(frame, wording, &["?"], answer) }
}

fn generated_clip(frame: &Frame<'_>, wording: usize) -> Question {
    let [left, right] = frame.moment.stage().acts;
    let (shown, text) = match wording % 2 {
        0 => (Shown::Frame, format!("Continue from this frame as a clip of two seconds: {}.", doing(right))),
        _ => (Shown::Nothing, format!("Make a clip of two seconds: {} and {}.", doing(left), doing(right))),
    };
    let answer = Answer::Clip(format!("clips/{}.mp4", frame.moment.stem()));
    Question { text, shown, ..media(frame, wording, &["?"], answer) }
}

/// What an instrument looks like, in a few words.
pub fn looks(kind: Kind) -> &'static str {
    match kind {
        Kind::Grasper => "two toothed jaws with a window in each",
        Kind::Bipolar => "two slim jaws on a blue shaft",
        Kind::Hook => "an L-shaped wire on a pale insulator",
        Kind::Scissors => "two curved blades that taper to a point",
        Kind::Clipper => "a broad steel shaft with a clip between its jaws",
        Kind::Irrigator => "a plain steel tube with holes near its end",
        Kind::NeedleDriver => "short strong jaws on a wrist",
        Kind::Prograsp => "broad jaws on a wrist",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_the_tasks_of_the_vocabulary() {
        let mut names = TASKS.map(|task| task.name);
        let mut known: Vec<&str> = surgdb::vocab::tasks().iter().map(|task| task.name).collect();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names.as_slice(), known);
    }
}
