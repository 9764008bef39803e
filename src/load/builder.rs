//! From what a user asks for to a loader, with everything that can be wrong found before the first step.

use super::batch::Assembler;
use super::fingerprint::{Fingerprint, Hash, packing_into};
use super::groups::{self, ALL, GroupSelection, Samples};
use super::kept::kept;
use super::lengths::{Lengths, PictureSource, TokenSource};
use super::loader::{Loader, Parts};
use super::mixture::{EpochLength, Group};
use super::notice::{self, Notice, OnNotice};
use super::order::Order;
use super::packing::{Overlong, Packing};
use super::projection::Projection;
use super::shard::{Remainder, Shard, Steps};
use super::state::{Mark, State};
use super::window::Packer;
use super::workers::PipelineOptions;
use crate::dataset::{Dataset, Filter, Selection};
use crate::error::{Error, Result};
use crate::schema::tables::Table;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// From how many positions on a window is taken, unless told.
const WINDOW: u64 = 4096;

/// What is done with a sample that cannot be had: deleted or purged since, damaged, or its linked file gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDamage {
    /// The batch is an error that names the sample, and the run ends.
    #[default]
    Error,
    /// Another sample of the same group stands in its place, by a rule that follows from the seed and the position alone; it
    /// is flagged in the batch and counted. After 64 such samples that cannot be had either, the batch is an error. Where
    /// samples are packed, one whose length cannot be read for damage counts as one that cannot be had.
    Substitute,
}

/// How a loader is built: see [`Dataset::loader`].
#[derive(Clone)]
pub struct LoaderBuilder {
    dataset: Dataset,
    /// All of them hold.
    within: Vec<Samples>,
    groups: Vec<(String, u64, Samples)>,
    seed: Option<u64>,
    shuffled: bool,
    batch: u64,
    rank: u64,
    world: u64,
    uneven: bool,
    remainder: Remainder,
    length: Option<EpochLength>,
    packing: Option<(Packing, TokenSource)>,
    pictures: Option<PictureSource>,
    window: Option<u64>,
    on_damage: OnDamage,
    projection: Projection,
    pipeline: PipelineOptions,
    on_notice: OnNotice,
    resume: Option<State>,
}

impl fmt::Debug for LoaderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, batch, rank, world, packing, .. } = self;
        write!(f, "LoaderBuilder(seed {seed:?}, batches of {batch}, rank {rank} of {world}, {packing:?})")
    }
}

impl Dataset {
    /// Begins a training loader over this version's conversations.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut appender = surgdb::Dataset::create(dir.path().join("a.surgdb"))?.append()?;
    /// # for at in 0..10 {
    /// #     appender.conversation(&surgdb::rows::ConversationRow {
    /// #         id: at.to_string(), source: "mine".into(), task: "phase recognition".into(),
    /// #         turns: vec![surgdb::rows::TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }],
    /// #         ..Default::default()
    /// #     })?;
    /// # }
    /// # let dataset = appender.commit(surgdb::Operation::new("append"))?;
    /// let loader = dataset.loader().shuffle(7).batch(4).build()?;
    /// assert_eq!(loader.steps(0)?, 2);
    /// let mut batches = loader.epoch(0);
    /// while let Some(batch) = batches.next() {
    ///     assert_eq!(batch?.conversations.num_rows(), 4);
    ///     let state = batches.state(); // to be saved with the model's checkpoint
    /// }
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    pub fn loader(&self) -> LoaderBuilder {
        LoaderBuilder {
            dataset: self.clone(),
            within: Vec::new(),
            groups: Vec::new(),
            seed: None,
            shuffled: false,
            batch: 64,
            rank: 0,
            world: 1,
            uneven: false,
            remainder: Remainder::default(),
            length: None,
            packing: None,
            pictures: None,
            window: None,
            on_damage: OnDamage::default(),
            projection: Projection::default(),
            pipeline: PipelineOptions::default(),
            on_notice: Arc::new(notice::print),
            resume: None,
        }
    }
}

impl LoaderBuilder {
    /// Draws from these conversations alone; all live ones unless told. A second call, and a
    /// [`selection`](LoaderBuilder::selection), narrow the first one's choice.
    pub fn select(mut self, filter: Filter) -> Self {
        let filter = match self.within.pop_if(|last| matches!(last, Samples::Filter(_))) {
            Some(Samples::Filter(before)) => before.and(filter),
            _ => filter,
        };
        self.within.push(Samples::Filter(filter));
        self
    }

    /// Draws from the conversations of a selection alone: one that was loaded from a file, say. It narrows what was chosen
    /// before.
    pub fn selection(mut self, selection: Selection) -> Self {
        self.within.push(Samples::Selection(selection));
        self
    }

    /// Adds a group to a weighted mixture: of the conversations that the filter holds for. Groups may overlap. It needs a
    /// seed.
    pub fn group(mut self, name: impl Into<String>, filter: Filter, weight: u64) -> Self {
        self.groups.push((name.into(), weight, Samples::Filter(filter)));
        self
    }

    /// Adds a group to a weighted mixture: of the conversations of a selection.
    pub fn group_of(mut self, name: impl Into<String>, selection: Selection, weight: u64) -> Self {
        self.groups.push((name.into(), weight, Samples::Selection(selection)));
        self
    }

    /// Takes the samples of a run from a folder that [`Loader::save_groups`] wrote, in place of selecting anew: exactly
    /// what that run was trained on, also after rows of it were erased.
    ///
    /// # Errors
    /// `NotFound`, `Io`; `Corrupt` when a file of the folder is damaged.
    pub fn saved_groups(mut self, dir: impl AsRef<Path>) -> Result<Self> {
        let (groups, mixture) = groups::load(dir.as_ref())?;
        self.within.clear();
        self.groups.clear();
        let add = |builder: Self, group: GroupSelection| match mixture {
            true => builder.group_of(group.name, group.selection, group.weight),
            false => builder.selection(group.selection),
        };
        Ok(groups.into_iter().fold(self, add))
    }

    /// Shuffles by this seed. Without it samples come by ascending address.
    pub fn shuffle(mut self, seed: u64) -> Self {
        (self.seed, self.shuffled) = (Some(seed), true);
        self
    }

    /// Does not shuffle: samples come by ascending address, as they do unless told. The seed is for what is random all the
    /// same: [`Batch::sample_seeds`](super::Batch::sample_seeds), what stands in for a sample that cannot be had, and where
    /// the bins of a window come. It is 0 unless told.
    pub fn unshuffled(mut self, seed: u64) -> Self {
        (self.seed, self.shuffled) = (Some(seed), false);
        self
    }

    /// Samples of a global batch, over all ranks; 64 unless told.
    pub fn batch(mut self, samples: u64) -> Self {
        self.batch = samples;
        self
    }

    /// Reads the share of process `rank` among `world`, counted from 0; 0 of 1 unless told.
    pub fn shard(mut self, rank: u64, world: u64) -> Self {
        (self.rank, self.world) = (rank, world);
        self
    }

    /// Allows a world that does not divide the global batch: shares then differ by one sample.
    pub fn uneven(mut self) -> Self {
        self.uneven = true;
        self
    }

    /// What becomes of the end of an epoch that does not fill a global batch; [`Remainder::Drop`] unless told. A mixture's
    /// epoch always fills its batches, unless its samples are packed into bins.
    pub fn remainder(mut self, remainder: Remainder) -> Self {
        self.remainder = remainder;
        self
    }

    /// How long an epoch of a mixture is; [`EpochLength::UntilAny`] unless told.
    pub fn epoch_length(mut self, length: EpochLength) -> Self {
        self.length = Some(length);
        self
    }

    /// Packs samples into bins, or puts samples of like length together, by their lengths in tokens. With bins the global
    /// batch counts bins, and how many steps an epoch has differs from epoch to epoch.
    pub fn pack(mut self, packing: Packing, tokens: TokenSource) -> Self {
        self.packing = Some((packing, tokens));
        self
    }

    /// Where the number of a sample's pictures is known from, which a budget may limit; those that it refers to in `media`
    /// unless told.
    pub fn pictures(mut self, pictures: PictureSource) -> Self {
        self.pictures = Some(pictures);
        self
    }

    /// How many positions of the order are packed together, a multiple of the global batch; the first such number from 4,096
    /// on unless told. The more, the fuller the bins and the less random the order.
    pub fn window(mut self, positions: u64) -> Self {
        self.window = Some(positions);
        self
    }

    /// What is done with a sample that cannot be had; [`OnDamage::Error`] unless told.
    pub fn on_damage(mut self, policy: OnDamage) -> Self {
        self.on_damage = policy;
        self
    }

    /// Which columns batches hold, and what comes with them.
    pub fn projection(mut self, projection: Projection) -> Self {
        self.projection = projection;
        self
    }

    /// Threads, and how far they work ahead.
    pub fn pipeline(mut self, options: PipelineOptions) -> Self {
        self.pipeline = options;
        self
    }

    /// Hears of what is no error and should yet be known, such as a version that is not kept for ever: see [`Notice`].
    /// Unless told, it is printed on standard error.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
    /// let builder = dataset.loader().on_notice(|notice| println!("[data] {notice}"));
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    pub fn on_notice(mut self, on_notice: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Arc::new(on_notice);
        self
    }

    /// Goes on where a run stood, on the version of the dataset that it was started on: [`Loader::start`] then begins
    /// with the step that comes next.
    pub fn resume(mut self, state: State) -> Self {
        self.resume = Some(state);
        self
    }

    /// The loader. All that can be wrong with what was asked for is found here, before the first step.
    ///
    /// # Errors
    /// `Invalid` when a filter does not fit, a group has no sample, an epoch has no step, there is no such rank, or the
    /// state is another run's; `NotFound` when there is no such column, or the version to be resumed is no longer kept;
    /// `Corrupt`, `Purged`.
    pub fn build(self) -> Result<Loader> {
        let dataset = match &self.resume {
            Some(state) => self.dataset.at_version(state.version)?,
            None => kept(&self.dataset)?,
        };
        let shard = Shard::new(self.rank, self.world)?;
        shard.check(self.batch, self.uneven)?;
        self.pipeline.check()?;
        let assembler = Assembler::new(&dataset, &self.projection)?;
        let groups = self.resolve(&dataset)?;
        let order = self.order(&groups)?;
        let packer = self.packer(&dataset, &groups, &order)?;
        let barred = packer.as_ref().and_then(|packer| packer.lengths().unmeasured());
        let (barred, why) = barred.map_or_else(Default::default, |(addresses, why)| {
            (addresses.to_vec(), format!("its length cannot be read: {why}"))
        });
        let assembler = assembler.of_run(*order.keys(), barred, why);
        // A bin has at least one sample, so a packed epoch has no more steps than this.
        let steps = Steps::new(order.len(), self.batch, self.remainder)?;
        let fingerprint = self.fingerprint(&dataset, &groups, &order, packer.as_ref());
        let start = match &self.resume {
            Some(state) => {
                fingerprint.check("state", &state.fingerprint)?;
                state.mark
            }
            None => Mark::default(),
        };
        let mut parts = Parts {
            assembler,
            groups,
            order,
            shard,
            remainder: self.remainder,
            steps,
            packer,
            on_damage: self.on_damage,
            pipeline: self.pipeline,
            on_notice: self.on_notice,
            fingerprint,
            start: Mark::default(),
        };
        parts.start = parts.resumed(start)?;
        let loader = Loader::new(parts);
        // A state within an epoch comes from one that has steps.
        if start.step == 0 && !loader.has_step(start.epoch)? {
            let few = format!("the packed samples of an epoch make no whole batch of {} bins", self.batch);
            return Err(match loader.lengths().and_then(Lengths::unmeasured) {
                None => {
                    Error::invalid(format!("{few}: make the global batch smaller, or let the last batch be padded"))
                }
                Some((samples, damage)) => Error::corrupt(format!(
                    "{few}, since the lengths of {} of them cannot be read ({damage}): mend that first",
                    samples.len()
                )),
            });
        }
        loader.tell();
        Ok(loader)
    }

    fn packer(&self, dataset: &Dataset, groups: &[GroupSelection], order: &Order) -> Result<Option<Packer>> {
        let Some((packing, tokens)) = &self.packing else {
            return match self.window.is_some() || self.pictures.is_some() {
                true => Err(Error::invalid("a window and pictures matter only where samples are packed: call `pack`")),
                false => Ok(None),
            };
        };
        let pictures = self.picture_source(packing);
        let selections: Vec<_> = groups.iter().map(|group| &group.selection).collect();
        let lengths = match self.on_damage {
            OnDamage::Error => Lengths::read(dataset, &selections, tokens, &pictures)?,
            OnDamage::Substitute => Lengths::read_beside_damage(dataset, &selections, tokens, &pictures)?,
        };
        if let Packing::Bins(budget) = packing
            && budget.overlong == Overlong::Error
        {
            lengths.check(&selections, budget)?;
        }
        let window = self.window.unwrap_or_else(|| WINDOW.next_multiple_of(self.batch.max(1)));
        Packer::new(order.clone(), lengths, *packing, window, self.batch).map(Some)
    }

    fn picture_source(&self, packing: &Packing) -> PictureSource {
        match &self.pictures {
            Some(pictures) => pictures.clone(),
            None if limits_pictures(packing) => PictureSource::Media,
            None => PictureSource::None,
        }
    }

    fn resolve(&self, dataset: &Dataset) -> Result<Vec<GroupSelection>> {
        let narrowed =
            |before: Option<Selection>, samples: &Samples| samples.resolve(dataset, before.as_ref()).map(Some);
        let within = self.within.iter().try_fold(None, narrowed)?;
        if self.groups.is_empty() {
            let selection = match within {
                Some(selection) => selection,
                None => dataset.select(Table::Conversations, &Filter::all())?,
            };
            if selection.is_empty() {
                return Err(Error::invalid(format!("no conversation is selected{}", by(self.within.iter()))));
            }
            return Ok(vec![GroupSelection { name: ALL.into(), weight: 1, selection }]);
        }
        let group = |(name, weight, samples): &(String, u64, Samples)| {
            let selection = samples.resolve(dataset, within.as_ref())?;
            if selection.is_empty() {
                let by = by(self.within.iter().chain([samples]));
                return Err(Error::invalid(format!("the group {name:?} has no conversation{by}")));
            }
            Ok(GroupSelection { name: name.clone(), weight: *weight, selection })
        };
        self.groups.iter().map(group).collect()
    }

    fn order(&self, groups: &[GroupSelection]) -> Result<Order> {
        let len = |group: &GroupSelection| group.selection.len();
        if self.groups.is_empty() {
            if self.length.is_some() {
                return Err(Error::invalid("only the epoch of a mixture has a length of its own: add groups to it"));
            }
            let lens: Vec<_> = groups.iter().map(len).collect();
            let seed = self.seed.unwrap_or(0);
            return if self.shuffled { Order::shuffled(seed, &lens) } else { Order::sequential(seed, &lens) };
        }
        let seed = self.seed.filter(|_| self.shuffled);
        let seed = seed.ok_or_else(|| Error::invalid("a mixture is drawn by a seed: call `shuffle` with one"))?;
        let group = |group: &GroupSelection| Group { name: group.name.clone(), weight: group.weight, len: len(group) };
        Order::mixture(
            seed,
            groups.iter().map(group).collect(),
            self.batch,
            self.length.unwrap_or(EpochLength::UntilAny),
        )
    }

    fn fingerprint(
        &self,
        dataset: &Dataset,
        groups: &[GroupSelection],
        order: &Order,
        packer: Option<&Packer>,
    ) -> Fingerprint {
        let (mut samples, mut seed) = (Hash::new("samples"), Hash::new("seed"));
        let (mut shares, mut batch) = (Hash::new("groups"), Hash::new("batch"));
        samples.text(&dataset.manifest().dataset);
        for group in groups {
            samples.selection(&group.selection);
            shares.text(&group.name).number(group.weight);
        }
        shares.number(order.len()).number((!self.groups.is_empty()).into());
        seed.number(self.shuffled.into()).number(self.seed.unwrap_or(0));
        // What changes no position does not count: a rest where none is left, pictures without a budget.
        let bins = matches!(self.packing, Some((Packing::Bins(_), _)));
        let pads = self.remainder == Remainder::Pad && (bins || order.len() % self.batch != 0);
        batch.number(self.batch).number(pads.into());
        if let (Some(packer), Some((packing, tokens))) = (packer, &self.packing) {
            let pictures = if limits_pictures(packing) { self.picture_source(packing) } else { PictureSource::None };
            packing_into(&mut batch, packer, tokens, &pictures);
        }
        Fingerprint::new([samples.finish(), seed.finish(), shares.finish(), batch.finish()])
    }
}

/// Whether pictures have a budget.
fn limits_pictures(packing: &Packing) -> bool {
    matches!(packing, Packing::Bins(budget) if budget.pictures.is_some())
}

/// What left nothing to draw from: the filters, or the selections that were given, or all of them together.
fn by<'s>(samples: impl Iterator<Item = &'s Samples>) -> String {
    let (mut selections, mut filters) = (0, Vec::new());
    for samples in samples {
        match samples {
            Samples::Selection(selection) if selection.is_empty() => {
                return ": the selection that was given is empty".into();
            }
            Samples::Selection(_) => selections += 1,
            Samples::Filter(filter) => filters.push(filter.to_string()),
        }
    }
    filters.retain(|filter| !filter.is_empty());
    let filters = filters.join(" and ");
    match (selections, filters.as_str()) {
        (0, "") => String::new(),
        (0, _) => format!(" by {filters:?}"),
        (1, "") => " in the selection that was given".into(),
        (1, _) => format!(" by {filters:?} in the selection that was given"),
        (_, "") => ": the selections that were given have none in common".into(),
        (_, _) => format!(" by {filters:?} in what the selections that were given have in common"),
    }
}
