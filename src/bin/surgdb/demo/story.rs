//! What happens in the demo's operations: which stage follows which, and who does what in a frame.

use super::instrument::{Kind, Pose};
use super::noise::step;
use crate::random::Random;

/// Frames a second of all videos.
pub const FPS: u32 = 25;
/// Seconds from one picked frame to the next.
pub const SECONDS_APART: u32 = 3;

/// A stage of an operation.
pub struct Stage {
    /// The phase as annotators write it.
    pub phase: &'static str,
    /// What is being done within the phase.
    pub step: &'static str,
    /// Who does what: the left instrument first.
    pub acts: [Act; 2],
    /// What to watch for here, in a sentence.
    pub concern: &'static str,
}

/// An action triplet.
#[derive(Clone, Copy)]
pub struct Act {
    /// The instrument.
    pub kind: Kind,
    /// What it does.
    pub verb: &'static str,
    /// What it does it to.
    pub target: &'static str,
}

/// A recorded operation.
pub struct Operation {
    /// Its name in paths: `VID01`.
    pub name: String,
    /// The kind of operation.
    pub procedure: &'static str,
    /// The surgical specialty.
    pub specialty: &'static str,
    /// Whether a liver and a gallbladder are seen.
    pub organ: bool,
    /// A seed for everything that is drawn.
    pub seed: u64,
    /// How round the picture is.
    pub circle: Option<f32>,
    /// The organs in view, in words.
    pub organs: &'static [&'static str],
    stages: &'static [Stage],
    first_second: u32,
    moments: u32,
}

/// One picked frame of an operation.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// Which of its picked frames it is, from 0.
    pub number: u32,
}

impl Operation {
    /// The `number`-th operation (from 0) of a demo with this seed, with this many picked frames.
    pub fn new(seed: u64, number: u32, moments: u32) -> Self {
        let mut random = Random::new(seed, u64::from(number));
        // Every sixth is another kind of operation.
        let prostate = number % 6 == 5;
        Self {
            name: format!("VID{:02}", number + 1),
            procedure: if prostate { "prostatectomy" } else { "cholecystectomy" },
            specialty: if prostate { "urology" } else { "hepatobiliary surgery" },
            organ: !prostate,
            seed: random.bits(),
            circle: random.chance(0.5).then(|| random.between(0.86, 0.95)),
            organs: if prostate {
                &["prostate", "bladder neck", "pelvic fat"]
            } else {
                &["liver", "gallbladder", "omentum"]
            },
            stages: if prostate { PROSTATECTOMY } else { CHOLECYSTECTOMY },
            first_second: 40 + random.below(200) as u32,
            moments,
        }
    }

    /// Its picked frames.
    pub fn moments(&self) -> impl Iterator<Item = Moment<'_>> {
        (0..self.moments).map(|number| Moment { operation: self, number })
    }
}

impl<'a> Moment<'a> {
    /// The stage that it belongs to.
    pub fn stage(&self) -> &'static Stage {
        let stages = self.operation.stages;
        let at = self.number as usize * stages.len() / (self.operation.moments.max(1) as usize);
        &stages[at.min(stages.len() - 1)]
    }

    /// The stage after this one.
    pub fn next_stage(&self) -> Option<&'static Stage> {
        let stages = self.operation.stages;
        let at = stages.iter().position(|stage| std::ptr::eq(stage, self.stage()))?;
        stages.get(at + 1)
    }

    /// How many seconds the stage still goes on.
    pub fn seconds_left(&self) -> u32 {
        let here = self.stage();
        let rest = (self.number + 1..self.operation.moments)
            .take_while(|number| std::ptr::eq(Moment { number: *number, ..*self }.stage(), here));
        (rest.count() as u32 + 1) * SECONDS_APART
    }

    /// The moment after it.
    pub fn next(&self) -> Option<Moment<'a>> {
        (self.number + 1 < self.operation.moments).then_some(Moment { number: self.number + 1, ..*self })
    }

    /// Seconds from the start of the video.
    pub fn seconds(&self) -> f32 {
        (self.operation.first_second + self.number * SECONDS_APART) as f32
    }

    /// The frame's number in the video, from 0.
    pub fn index(&self) -> u32 {
        (self.operation.first_second + self.number * SECONDS_APART) * FPS
    }

    /// The frame's place in a folder: `VID01/001000`.
    pub fn stem(&self) -> String {
        format!("{}/{:06}", self.operation.name, self.index())
    }

    /// Whether it is one of the frames that have a mask.
    pub fn has_mask(&self) -> bool {
        self.number.is_multiple_of(4)
    }

    /// Whether it is one of the frames that have a depth map.
    pub fn has_depth(&self) -> bool {
        self.number % 8 == 2
    }

    /// Whether it is one of the frames that are there with and without smoke.
    pub fn has_smoke(&self) -> bool {
        self.number % 8 == 5
    }

    /// Whether it is the frame that the operation's clip begins with.
    pub fn has_clip(&self) -> bool {
        self.number == 3 && self.operation.number_in_name() % 2 == 1
    }

    /// Where the instruments are, `later` seconds after the frame.
    pub fn poses(&self, later: f32) -> [Pose; 2] {
        let stage = self.stage();
        let mut random = Random::new(self.operation.seed, stage.phase.len() as u64 * 31 + stage.step.len() as u64);
        let time = self.seconds() + later;
        [false, true].map(|right| {
            let act = stage.acts[usize::from(right)];
            let entry = if right {
                (random.between(1.4, 1.95), random.between(1.08, 1.2))
            } else {
                (random.between(-0.25, -0.1), random.between(0.3, 1.0))
            };
            let rest = (random.between(0.6, 0.74) + if right { 0.28 } else { 0.0 }, random.between(0.42, 0.68));
            let (pace, phase) = (random.between(0.9, 1.7), random.between(0.0, 6.0));
            let tip =
                (rest.0 + 0.05 * (time * pace + phase).sin(), rest.1 + 0.045 * (time * pace * 0.77 + phase).cos());
            let open = 0.15 + 0.85 * step(-0.4, 0.6, (time * pace * 1.3 + phase).sin());
            Pose { kind: act.kind, entry, tip, open }
        })
    }

    /// Which of the three criteria of the critical view of safety are met.
    pub fn critical_view(&self) -> [bool; 3] {
        let reached = |share: u32| self.number * 10 >= self.operation.moments * share;
        [reached(3), reached(4), reached(5)]
    }
}

impl Operation {
    fn number_in_name(&self) -> u32 {
        self.name.trim_start_matches("VID").parse().unwrap_or(0)
    }
}

const fn act(kind: Kind, verb: &'static str, target: &'static str) -> Act {
    Act { kind, verb, target }
}

const RETRACT: Act = act(Kind::Grasper, "retract", "gallbladder");

const CHOLECYSTECTOMY: &[Stage] = &[
    Stage {
        phase: "preparation",
        step: "exposure of the gallbladder",
        acts: [RETRACT, act(Kind::Grasper, "retract", "omentum")],
        concern: "The omentum is freed by gentle traction, so that no adhesion tears the liver's capsule.",
    },
    Stage {
        phase: "calot-triangle-dissection",
        step: "dissection of the hepatocystic triangle",
        acts: [RETRACT, act(Kind::Hook, "dissect", "cystic_plate")],
        concern: "The common bile duct may lie close below; dissection has to stay next to the gallbladder's wall.",
    },
    Stage {
        phase: "clipping-and-cutting",
        step: "clipping of the cystic duct",
        acts: [RETRACT, act(Kind::Clipper, "clip", "cystic_duct")],
        concern: "Only two tubular structures may enter the gallbladder before a clip is set.",
    },
    Stage {
        phase: "clipping-and-cutting",
        step: "division of the cystic artery",
        acts: [RETRACT, act(Kind::Scissors, "cut", "cystic_artery")],
        concern: "The cut has to lie between the clips, with both blades in view.",
    },
    Stage {
        phase: "gallbladder-dissection",
        step: "separation of the gallbladder from the liver bed",
        acts: [RETRACT, act(Kind::Hook, "dissect", "gallbladder")],
        concern: "A plane too deep bleeds from the liver bed, one too shallow opens the gallbladder.",
    },
    Stage {
        phase: "cleaning-and-coagulation",
        step: "haemostasis of the liver bed",
        acts: [act(Kind::Bipolar, "coagulate", "liver"), act(Kind::Irrigator, "aspirate", "fluid")],
        concern: "Blood is cleared first, so that the source of the bleeding is seen before it is coagulated.",
    },
];

const PROSTATECTOMY: &[Stage] = &[
    Stage {
        phase: "bladder neck dissection",
        step: "identification and transection of the bladder neck",
        acts: [act(Kind::Prograsp, "retract", "bladder_neck"), act(Kind::Scissors, "cut", "bladder_neck")],
        concern: "The plane between bladder and prostate has to be found before it is cut.",
    },
    Stage {
        phase: "posterior dissection",
        step: "dissection of the seminal vesicles",
        acts: [act(Kind::Prograsp, "grasp", "seminal_vesicle"), act(Kind::Bipolar, "coagulate", "blood_vessel")],
        concern: "Heat near the tip of the seminal vesicle may harm the nerves that run beside it.",
    },
    Stage {
        phase: "anastomosis",
        step: "running suture of the posterior wall",
        acts: [act(Kind::Prograsp, "grasp", "urethra"), act(Kind::NeedleDriver, "pull", "suture")],
        concern: "Each stitch has to take the mucosa, and the thread is kept under even tension.",
    },
];
