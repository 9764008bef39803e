//! Laparoscopic instruments: a shaft that comes in from the edge of the picture, and the tip at its end.

use super::noise::{Rgb, blend, lerp, step};
use super::tissue::to_segment;

/// A kind of instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Grasper,
    Bipolar,
    Hook,
    Scissors,
    Clipper,
    Irrigator,
    NeedleDriver,
    Prograsp,
}

impl Kind {
    /// Its name as annotators write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grasper => "grasper",
            Self::Bipolar => "bipolar",
            Self::Hook => "hook",
            Self::Scissors => "scissors",
            Self::Clipper => "clipper",
            Self::Irrigator => "irrigator",
            Self::NeedleDriver => "large needle driver",
            Self::Prograsp => "prograsp forceps",
        }
    }

    fn tip_length(self) -> f32 {
        match self {
            Self::Grasper | Self::Prograsp => 0.17,
            Self::Bipolar => 0.16,
            Self::Hook => 0.13,
            Self::Scissors => 0.16,
            Self::Clipper => 0.15,
            Self::Irrigator => 0.12,
            Self::NeedleDriver => 0.12,
        }
    }

    fn shaft(self) -> (Finish, f32) {
        match self {
            Self::Clipper => (Finish::Steel, 0.052),
            Self::Irrigator => (Finish::Steel, 0.03),
            Self::Bipolar => (Finish::Blue, 0.036),
            Self::NeedleDriver | Self::Prograsp => (Finish::Plastic, 0.05),
            Self::Grasper | Self::Hook | Self::Scissors => (Finish::Plastic, 0.036),
        }
    }
}

/// An instrument where it is at one moment.
#[derive(Clone, Copy)]
pub struct Pose {
    /// What it is.
    pub kind: Kind,
    /// Where its shaft comes into the picture; outside of it.
    pub entry: (f32, f32),
    /// Where its tip is.
    pub tip: (f32, f32),
    /// How far its jaws are open, 0–1.
    pub open: f32,
}

/// How far around an instrument its shadow fades, in picture heights.
pub const SHADOW_REACH: f32 = 0.045;

/// An instrument ready to be drawn.
pub struct Instrument {
    pieces: Vec<Piece>,
    joint: (f32, f32),
    entry: (f32, f32),
}

/// What an instrument puts over a point of the picture.
pub struct Touch {
    /// How much of the point it covers, 0–1.
    pub cover: f32,
    /// Its colour there.
    pub colour: Rgb,
    /// How far from the tip, along the shaft: 0 at the joint, 1 at the edge of the picture.
    pub along: f32,
}

#[derive(Clone, Copy)]
enum Finish {
    Plastic,
    Steel,
    Blue,
    Ceramic,
    Dark,
}

/// A rod with round ends, thicker at one of them.
struct Piece {
    from: (f32, f32),
    to: (f32, f32),
    radius: (f32, f32),
    finish: Finish,
    toothed: bool,
}

impl Instrument {
    /// The instrument in this pose.
    pub fn new(pose: Pose) -> Self {
        let (dx, dy) = (pose.tip.0 - pose.entry.0, pose.tip.1 - pose.entry.1);
        let length = dx.hypot(dy).max(1e-3);
        let axis = (dx / length, dy / length);
        let joint = along(pose.tip, axis, -pose.kind.tip_length());
        let (finish, radius) = pose.kind.shaft();
        let mut pieces = vec![
            // Nearer to the camera at the edge of the picture, so thicker there.
            Piece::new(pose.entry, along(joint, axis, -0.02), (radius * 1.45, radius), finish),
            Piece::new(along(joint, axis, -0.025), joint, (radius * 0.98, radius * 0.75), Finish::Steel),
        ];
        pieces.extend(tip(pose, joint, axis));
        Self { pieces, joint, entry: pose.entry }
    }

    /// What is seen of it at a point; `pixel` is a pixel's width.
    pub fn at(&self, p: (f32, f32), pixel: f32) -> Option<Touch> {
        let mut touch: Option<Touch> = None;
        for piece in &self.pieces {
            let Some((cover, colour)) = piece.at(p, pixel) else { continue };
            touch = Some(match touch {
                None => Touch { cover, colour, along: 0.0 },
                Some(below) => Touch {
                    colour: blend(below.colour, colour, cover),
                    cover: below.cover + (1.0 - below.cover) * cover,
                    along: 0.0,
                },
            });
        }
        touch.map(|touch| Touch { along: to_segment(p, self.joint, self.entry).1, ..touch })
    }

    /// How far a point is from it; negative inside.
    pub fn distance(&self, p: (f32, f32)) -> f32 {
        self.pieces.iter().map(|piece| piece.distance(p)).fold(f32::MAX, f32::min)
    }

    /// How dark its shadow is at a point, 0–1.
    pub fn shadow(&self, p: (f32, f32)) -> f32 {
        step(SHADOW_REACH, -0.02, self.distance(p))
    }
}

impl Piece {
    fn new(from: (f32, f32), to: (f32, f32), radius: (f32, f32), finish: Finish) -> Self {
        Self { from, to, radius, finish, toothed: false }
    }

    fn toothed(self) -> Self {
        Self { toothed: true, ..self }
    }

    /// How far a point is from its surface; negative inside.
    fn distance(&self, p: (f32, f32)) -> f32 {
        let (distance, t) = to_segment(p, self.from, self.to);
        distance - lerp(self.radius.0, self.radius.1, t)
    }

    /// Where along it a point is (0–1), and where across it (−1 to 1).
    fn place(&self, p: (f32, f32)) -> (f32, f32) {
        let (_, t) = to_segment(p, self.from, self.to);
        let radius = lerp(self.radius.0, self.radius.1, t);
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let side = (p.0 - self.from.0) * dy - (p.1 - self.from.1) * dx;
        // Always the side that looks up, so that the light comes from above whatever way the piece runs.
        let up = if dx < 0.0 { -1.0 } else { 1.0 };
        (t, (side * up / (dx * dx + dy * dy).sqrt().max(1e-6) / radius).clamp(-1.0, 1.0))
    }

    fn at(&self, p: (f32, f32), pixel: f32) -> Option<(f32, Rgb)> {
        let distance = self.distance(p);
        if distance >= pixel {
            return None;
        }
        let cover = step(pixel, -pixel, distance);
        let (along, across) = self.place(p);
        let mut colour = self.finish.lit(across);
        if self.toothed {
            let tooth = ((along * 34.0).sin() * 0.5 + 0.5) * step(0.0, 0.6, -across);
            colour = colour.map(|part| part * (1.0 - 0.45 * tooth));
        }
        Some((cover, colour))
    }
}

impl Finish {
    fn lit(self, across: f32) -> Rgb {
        let round = (1.0 - across * across).max(0.0).sqrt();
        let glint = |at: f32, width: f32| (-((across - at) / width).powi(2)).exp();
        let (base, ambient, shine) = match self {
            Self::Plastic => ([0.105, 0.10, 0.115], 0.5, 0.34 * glint(0.42, 0.16)),
            Self::Steel => ([0.60, 0.60, 0.62], 0.3, 0.42 * glint(0.36, 0.2) + 0.12 * glint(-0.5, 0.15)),
            Self::Blue => ([0.16, 0.24, 0.40], 0.4, 0.4 * glint(0.42, 0.15)),
            Self::Ceramic => ([0.86, 0.82, 0.72], 0.4, 0.2 * glint(0.4, 0.25)),
            Self::Dark => ([0.05, 0.035, 0.035], 0.9, 0.0),
        };
        base.map(|part| part * (ambient + (1.0 - ambient) * (0.55 * round + 0.45 * (0.5 + 0.5 * across))) + shine)
    }
}

fn tip(pose: Pose, joint: (f32, f32), axis: (f32, f32)) -> Vec<Piece> {
    let reach = pose.kind.tip_length();
    // A jaw is a root that leaves the joint at an angle and an end that bends back towards the axis.
    let jaw = |angle: f32, thick: f32, thin: f32, bend: f32| {
        let middle = along(joint, turned(axis, angle), reach * 0.55);
        let end = along(middle, turned(axis, angle * bend), reach * 0.5);
        let root = Piece::new(joint, middle, (thick, thick * 0.85), Finish::Steel);
        [root, Piece::new(middle, end, (thick * 0.85, thin), Finish::Steel).toothed()]
    };
    let spread = 0.08 + 0.42 * pose.open;
    match pose.kind {
        Kind::Grasper => {
            let mut pieces: Vec<Piece> =
                jaw(spread, 0.021, 0.014, 0.25).into_iter().chain(jaw(-spread, 0.021, 0.014, 0.25)).collect();
            let hole = |angle: f32| {
                let from = along(joint, turned(axis, angle), reach * 0.3);
                Piece::new(from, along(from, turned(axis, angle), reach * 0.2), (0.006, 0.006), Finish::Dark)
            };
            pieces.extend([hole(spread), hole(-spread)]);
            pieces
        }
        Kind::Prograsp => {
            let wrist = Piece::new(along(joint, axis, -0.04), joint, (0.04, 0.032), Finish::Steel);
            [wrist].into_iter().chain(jaw(spread, 0.026, 0.016, 0.1)).chain(jaw(-spread, 0.026, 0.016, 0.1)).collect()
        }
        Kind::NeedleDriver => {
            let wrist = Piece::new(along(joint, axis, -0.05), joint, (0.042, 0.03), Finish::Steel);
            let (a, b) = (jaw(spread * 0.7, 0.024, 0.012, 0.4), jaw(-spread * 0.7, 0.024, 0.012, 0.4));
            [wrist].into_iter().chain(a).chain(b).collect()
        }
        Kind::Bipolar => jaw(spread, 0.015, 0.009, 0.0).into_iter().chain(jaw(-spread, 0.015, 0.009, 0.0)).collect(),
        Kind::Scissors => {
            let curve = 0.22;
            let a = jaw(spread + curve, 0.017, 0.004, 0.7);
            a.into_iter().chain(jaw(-spread * 0.6 + curve, 0.017, 0.004, 1.6)).collect()
        }
        Kind::Clipper => {
            let wide = 0.1 + 0.16 * pose.open;
            let clip = along(joint, axis, reach * 0.88);
            let arm =
                |angle: f32| Piece::new(clip, along(clip, turned(axis, angle), 0.05), (0.007, 0.006), Finish::Steel);
            let jaws = jaw(wide, 0.024, 0.018, -0.6).into_iter().chain(jaw(-wide, 0.024, 0.018, -0.6));
            jaws.chain([arm(0.5), arm(-0.5)]).collect()
        }
        Kind::Hook => {
            let elbow = along(joint, axis, reach * 0.95);
            vec![
                Piece::new(joint, along(joint, axis, 0.045), (0.021, 0.017), Finish::Ceramic),
                Piece::new(along(joint, axis, 0.04), elbow, (0.009, 0.008), Finish::Steel),
                Piece::new(elbow, along(elbow, turned(axis, 1.4), 0.045), (0.009, 0.006), Finish::Steel),
            ]
        }
        Kind::Irrigator => {
            let mut pieces = vec![Piece::new(joint, pose.tip, (0.028, 0.026), Finish::Steel)];
            pieces.extend((0..3).map(|n| {
                let hole = along(pose.tip, axis, -0.02 - 0.028 * n as f32);
                Piece::new(hole, along(hole, axis, 0.006), (0.0065, 0.0065), Finish::Dark)
            }));
            pieces
        }
    }
}

fn along(from: (f32, f32), direction: (f32, f32), length: f32) -> (f32, f32) {
    (from.0 + direction.0 * length, from.1 + direction.1 * length)
}

fn turned(direction: (f32, f32), angle: f32) -> (f32, f32) {
    let (sin, cos) = angle.sin_cos();
    (direction.0 * cos - direction.1 * sin, direction.0 * sin + direction.1 * cos)
}
