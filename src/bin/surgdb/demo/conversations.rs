//! The demo's conversations, as records of ShareGPT JSON files.

use super::questions::{Answer, Frame, Question, Shown, TASKS};
use serde_json::{Map, Value, json};

/// One preference pair comes with so many conversations.
const PAIR_EVERY: usize = 20;
/// In how many wordings every task can be asked at least.
const WORDINGS: usize = 2;

/// The records of the demo.
pub struct Records {
    /// Conversations with one ending.
    pub conversations: Vec<Value>,
    /// Conversations with a chosen and a rejected ending.
    pub preferences: Vec<Value>,
}

/// Makes `samples` records about these frames, the 18 tasks in turn.
pub fn about(frames: &[Frame<'_>], samples: usize) -> Records {
    let pairs = samples / PAIR_EVERY;
    let mut asked = [0usize; TASKS.len()];
    let mut conversations = Vec::with_capacity(samples);
    let mut number = 0;
    while conversations.len() < samples - pairs && number < samples * 4 {
        let task = number % TASKS.len();
        number += 1;
        let suited: Vec<&Frame<'_>> = frames.iter().filter(|frame| TASKS[task].suits(frame)).collect();
        let (at, round) = (asked[task], asked[task] / suited.len().max(1));
        // A task that no frame suits, or of which all has been asked in both its wordings, is passed over.
        let Some(frame) = suited.get(spread(at, task, suited.len())).filter(|_| round < WORDINGS) else { continue };
        asked[task] += 1;
        let question = TASKS[task].ask(frame, at % suited.len() + round);
        conversations.push(record(conversations.len() + 1, TASKS[task].name, frame, &question, at));
    }
    let preferences = (0..pairs).filter_map(|number| preference(number, frames)).collect();
    Records { conversations, preferences }
}

/// Goes through `count` things in an order in which neighbours are far apart; the tasks start at different places.
fn spread(number: usize, task: usize, count: usize) -> usize {
    let stride = [37, 41].into_iter().find(|stride| !count.is_multiple_of(*stride)).unwrap_or(1);
    if count == 0 { 0 } else { (number * stride + task * 11) % count }
}

fn record(number: usize, task: &str, frame: &Frame<'_>, question: &Question, time: usize) -> Value {
    let mut record = head(&format!("demo-{number:06}"), task, frame);
    let mut turns = vec![turn("human", &asked(question))];
    let reasoned = time.is_multiple_of(2) && !question.reasoning.is_empty();
    turns.push(turn("gpt", &answer(question, reasoned)));
    if time % 5 == 4 && matches!(question.shown, Shown::Frame) {
        for (follow_up, reply) in follow_ups(frame) {
            turns.push(turn("human", &follow_up));
            turns.push(turn("gpt", &reply));
        }
    }
    if number.is_multiple_of(7) {
        turns.insert(0, turn("system", "You assist a surgical team. Describe only what can be seen."));
    }
    let (origin, generator) = if reasoned { ("model", Some("demo-reasoner")) } else { ("synthetic", None) };
    record.insert("origin".into(), json!(origin));
    if let Some(generator) = generator {
        record.insert("generator".into(), json!(generator));
    }
    show(&mut record, question, frame);
    record.insert("conversations".into(), Value::Array(turns));
    Value::Object(record)
}

fn preference(number: usize, frames: &[Frame<'_>]) -> Option<Value> {
    // Phase recognition, where a plausible wrong answer is at hand: another stage of the same operation.
    let task = TASKS.iter().find(|task| task.name == "phase recognition")?;
    let frame = frames.get(spread(number, 0, frames.len()))?;
    let question = task.ask(frame, number);
    let wrong = frames.iter().find(|other| {
        std::ptr::eq(other.moment.operation, frame.moment.operation)
            && other.moment.stage().phase != frame.moment.stage().phase
    })?;
    let rejected = format!("This is the phase {}.", wrong.moment.stage().phase);
    let mut record = head(&format!("demo-pair-{:04}", number + 1), task.name, frame);
    record.insert("origin".into(), json!("model"));
    record.insert("generator".into(), json!("demo-reasoner"));
    show(&mut record, &question, frame);
    record.insert("conversations".into(), json!([turn("human", &asked(&question))]));
    record.insert("chosen".into(), turn("gpt", &answer(&question, true)));
    record.insert("rejected".into(), turn("gpt", &rejected));
    Some(Value::Object(record))
}

fn head(id: &str, task: &str, frame: &Frame<'_>) -> Map<String, Value> {
    let mut record = Map::new();
    let operation = frame.moment.operation;
    for (key, value) in
        [("id", id), ("task", task), ("procedure", operation.procedure), ("specialty", operation.specialty)]
    {
        record.insert(key.into(), json!(value));
    }
    record
}

fn asked(question: &Question) -> String {
    match question.shown {
        Shown::Nothing => question.text.clone(),
        Shown::Frame | Shown::Smoky => format!("<image>\n{}", question.text),
        Shown::Clip | Shown::Frames(_) => format!("<video>\n{}", question.text),
    }
}

/// Names the files that a question shows and that its answer is.
fn show(record: &mut Map<String, Value>, question: &Question, frame: &Frame<'_>) {
    let stem = frame.moment.stem();
    match &question.shown {
        Shown::Nothing => None,
        Shown::Frame => record.insert("images".into(), json!([format!("frames/{stem}.jpg")])),
        Shown::Smoky => record.insert("images".into(), json!([format!("smoke/{stem}.jpg")])),
        Shown::Clip => record.insert("videos".into(), json!([format!("clips/{stem}.mp4")])),
        Shown::Frames(stems) => {
            let paths: Vec<String> = stems.iter().map(|stem| format!("frames/{stem}.jpg")).collect();
            record.insert("videos".into(), json!([paths]))
        }
    };
    match &question.answer {
        Answer::Text(_) => None,
        Answer::Picture(path) => record.insert("output_images".into(), json!([path])),
        Answer::Clip(path) => record.insert("output_videos".into(), json!([path])),
    };
}

fn answer(question: &Question, reasoned: bool) -> String {
    let text = match &question.answer {
        Answer::Text(text) => text.as_str(),
        Answer::Picture(_) => "<image>",
        Answer::Clip(_) => "<video>",
    };
    if !reasoned {
        return text.to_owned();
    }
    format!("<think>\n{}</think>\n<answer>{text}</answer>", question.reasoning)
}

fn follow_ups(frame: &Frame<'_>) -> [(String, String); 2] {
    let stage = frame.moment.stage();
    let next = match frame.moment.next_stage() {
        Some(next) => format!("The {} follows, in the phase {}.", next.step, next.phase),
        None => "This is the last step; the instruments are withdrawn next.".to_owned(),
    };
    [
        ("What has to be watched here?".to_owned(), stage.concern.to_owned()),
        ("And what comes after it?".to_owned(), next),
    ]
}

fn turn(from: &str, value: &str) -> Value {
    json!({ "from": from, "value": value })
}
