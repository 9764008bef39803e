//! How long each selected sample is: from a column, or estimated.

use super::estimate::{COLUMNS, Estimate, Estimator, Media};
use super::order::Place;
use super::packing::{Budget, Length, Overlong};
use crate::dataset::{Dataset, ScanBatch, ScanPart, Selection};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, downcast_integer_array};

/// Where the tokens of a sample are known from.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenSource {
    /// A column of conversations, of whole numbers.
    Column(String),
    /// Texts and pictures.
    Estimate(Estimate),
}

/// Where the number of a sample's pictures is known from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PictureSource {
    /// They are not counted: each sample has 0.
    #[default]
    None,
    /// A column of conversations, of whole numbers.
    Column(String),
    /// The frames and videos that it refers to in `media`.
    Media,
}

/// The length of each sample of each group: 4 bytes for its tokens and 4 for its pictures, where they are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    groups: Vec<Group>,
    /// Of which samples the length could not be read, ascending, and why.
    unmeasured: Vec<Address>,
    damage: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    tokens: Vec<u32>,
    /// Empty where they are not counted.
    pictures: Vec<u32>,
}

impl Lengths {
    /// These lengths, by group and by the sample's place in it.
    #[doc(hidden)]
    pub fn of(groups: &[Vec<Length>]) -> Self {
        let group = |lengths: &Vec<Length>| Group {
            tokens: lengths.iter().map(|length| length.tokens).collect(),
            pictures: lengths.iter().map(|length| length.pictures).collect(),
        };
        Self { groups: groups.iter().map(group).collect(), ..Self::default() }
    }

    /// Reads the lengths of the conversations of some groups, in one pass over the table. A conversation that this version
    /// no longer holds counts as the mean of its group.
    ///
    /// # Errors
    /// `Invalid` when a group is none of conversations, when a column is not of whole numbers, or when it does not say
    /// the length of one of them; `NotFound` when there is no such column; `Corrupt`, `Purged`.
    pub fn read(
        dataset: &Dataset,
        groups: &[&Selection],
        tokens: &TokenSource,
        pictures: &PictureSource,
    ) -> Result<Self> {
        Self::read_with(dataset, groups, tokens, pictures, false)
    }

    /// The same, where damage is no error: of whom it takes the length away counts as the mean of its group, too, and is among
    /// [`Lengths::unmeasured`].
    ///
    /// # Errors
    /// As [`Lengths::read`], save for `Corrupt`.
    pub(super) fn read_beside_damage(
        dataset: &Dataset,
        groups: &[&Selection],
        tokens: &TokenSource,
        pictures: &PictureSource,
    ) -> Result<Self> {
        Self::read_with(dataset, groups, tokens, pictures, true)
    }

    fn read_with(
        dataset: &Dataset,
        groups: &[&Selection],
        tokens: &TokenSource,
        pictures: &PictureSource,
        beside_damage: bool,
    ) -> Result<Self> {
        if let Some(other) = groups.iter().find(|group| group.table() != Table::Conversations) {
            return Err(Error::invalid(format!("lengths are those of conversations, not of {}", other.table())));
        }
        let reader = Reader::new(dataset, tokens, pictures, beside_damage)?;
        let counted = *pictures != PictureSource::None;
        let mut filling: Vec<_> = groups.iter().map(|group| Filling::new(group, counted)).collect();
        let damage = reader.estimator.as_ref().map(|estimator| estimator.damage().to_owned());
        let mut lengths = Self { damage: damage.unwrap_or_default(), ..Self::default() };
        for part in dataset.scan(Table::Conversations).columns(reader.columns.iter().copied())?.parts() {
            match part? {
                ScanPart::Read(piece) => {
                    let read = reader.read(&piece)?;
                    filling.iter_mut().try_for_each(|group| group.fill(&piece, &read, &mut lengths.unmeasured))?;
                }
                ScanPart::Damaged(first, last, error) if beside_damage => {
                    if lengths.damage.is_empty() {
                        lengths.damage = error.to_string();
                    }
                    filling.iter_mut().for_each(|group| group.pass_over(first, last, &mut lengths.unmeasured));
                }
                ScanPart::Damaged(_, _, error) => return Err(error),
            }
        }
        lengths.unmeasured.sort_unstable();
        lengths.unmeasured.dedup();
        lengths.groups = filling.into_iter().map(Filling::finish).collect();
        Ok(lengths)
    }

    /// The samples whose length could not be read, ascending, and what was damaged first; `None` where all could.
    pub(super) fn unmeasured(&self) -> Option<(&[Address], &str)> {
        (!self.unmeasured.is_empty()).then_some((&self.unmeasured, &self.damage))
    }

    /// The length of a sample; none of nothing.
    pub fn get(&self, place: Place) -> Length {
        let Some(group) = self.groups.get(place.group as usize) else { return Length::default() };
        let of =
            |numbers: &[u32]| usize::try_from(place.index).ok().and_then(|at| numbers.get(at)).copied().unwrap_or(0);
        Length { tokens: of(&group.tokens), pictures: of(&group.pictures) }
    }

    /// How many samples each group has.
    pub fn group_lens(&self) -> Vec<u64> {
        self.groups.iter().map(|group| group.tokens.len() as u64).collect()
    }

    /// Whether every sample fits a budget, where a longer one is to be an error: so that a run does not end over it.
    ///
    /// # Errors
    /// `Invalid` with the first that does not, and how many they are.
    pub fn check(&self, groups: &[&Selection], budget: &Budget) -> Result<()> {
        budget.check()?;
        if budget.overlong != Overlong::Error {
            return Ok(());
        }
        let (mut first, mut over) = (None, 0u64);
        for (number, group) in self.groups.iter().enumerate() {
            for index in 0..group.tokens.len() as u64 {
                let place = Place { group: number as u32, index };
                if !budget.fits(self.get(place)) {
                    over += 1;
                    first.get_or_insert(place);
                }
            }
        }
        let Some(place) = first else { return Ok(()) };
        let error = budget.overlong(self.get(place));
        let error = Error::invalid(format!("{} ({over} such samples are selected)", error.message()));
        let address = groups.get(place.group as usize).and_then(|group| group.get(place.index));
        Err(address.into_iter().fold(error, |error, address| error.in_row(format!("conversation {address}"))))
    }
}

/// What is read of each conversation.
struct Reader<'a> {
    columns: Vec<&'a str>,
    estimator: Option<Estimator>,
    tokens: Option<&'a str>,
    pictures: &'a PictureSource,
}

/// Tokens and pictures of the rows of a piece; `None` where a column does not say, or damage hides what to estimate from.
struct Read<'a> {
    tokens: Vec<Option<u32>>,
    estimated: bool,
    pictures: Vec<Option<u32>>,
    /// The names of the columns that may have said nothing.
    named: [&'a str; 2],
}

impl<'a> Reader<'a> {
    fn new(
        dataset: &Dataset,
        tokens: &'a TokenSource,
        pictures: &'a PictureSource,
        beside_damage: bool,
    ) -> Result<Self> {
        let mut columns: Vec<&str> = Vec::new();
        let (mut estimator, mut column) = (None, None);
        match tokens {
            TokenSource::Estimate(estimate) => {
                columns.extend(COLUMNS);
                estimator = Some(Estimator::new(dataset, *estimate, beside_damage)?);
            }
            TokenSource::Column(name) => {
                columns.push(name);
                column = Some(name.as_str());
            }
        }
        match pictures {
            PictureSource::None => {}
            PictureSource::Media if columns.contains(&"media") => {}
            PictureSource::Media => columns.push("media"),
            PictureSource::Column(name) if columns.contains(&name.as_str()) => {}
            PictureSource::Column(name) => columns.push(name),
        }
        Ok(Self { columns, estimator, tokens: column, pictures })
    }

    fn read(&self, piece: &ScanBatch) -> Result<Read<'a>> {
        let at = |name: &str| self.columns.iter().position(|column| *column == name).unwrap_or(0);
        let tokens = match &self.estimator {
            // Its columns are the first two.
            Some(estimator) => estimator.tokens(&piece.batch, 0)?,
            None => whole_numbers(piece.batch.column(0), self.tokens.unwrap_or_default())?,
        };
        let mut named = [self.tokens.unwrap_or_default(), ""];
        let pictures = match self.pictures {
            PictureSource::None => Vec::new(),
            PictureSource::Media => Media::of(&piece.batch, at("media"))?.pictures().map(Some).collect(),
            PictureSource::Column(name) => {
                named[1] = name;
                whole_numbers(piece.batch.column(at(name)), name)?
            }
        };
        Ok(Read { tokens, estimated: self.estimator.is_some(), pictures, named })
    }
}

/// A column's numbers, of whatever width.
fn whole_numbers(array: &ArrayRef, name: &str) -> Result<Vec<Option<u32>>> {
    let array = array.as_ref();
    downcast_integer_array!(
        array => numbers(array).ok_or_else(|| {
            Error::invalid(format!("the column `{name}` has a number that is no length: below 0, or above {}", u32::MAX - 1))
        }),
        other => Err(Error::invalid(format!("the column `{name}` is of type {other}: lengths are whole numbers")))
    )
}

/// `None` where one does not fit.
fn numbers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Option<Vec<Option<u32>>>
where
    T::Native: TryInto<u32>,
{
    let fits = |number: T::Native| number.try_into().ok().filter(|number| *number != MISSING);
    array.iter().map(|number| number.map_or(Some(None), |number| fits(number).map(Some))).collect()
}

/// Stands for a length that was not read.
const MISSING: u32 = u32::MAX;

/// The lengths of a group, while they are read. Both the group and the rows ascend.
struct Filling<'a> {
    addresses: std::iter::Peekable<Box<dyn Iterator<Item = Address> + 'a>>,
    group: Group,
    /// Whether pictures are counted.
    counted: bool,
}

impl<'a> Filling<'a> {
    fn new(selection: &'a Selection, counted: bool) -> Self {
        let addresses: Box<dyn Iterator<Item = Address> + 'a> = Box::new(selection.iter());
        Self { addresses: addresses.peekable(), group: Group::default(), counted }
    }

    /// Takes the lengths of its rows of a piece, and adds to `lost` those that damage leaves without one.
    fn fill(&mut self, piece: &ScanBatch, read: &Read<'_>, lost: &mut Vec<Address>) -> Result<()> {
        for row in 0..piece.addresses.len() {
            let address = piece.address(row)?;
            // Selected rows before this one are gone.
            while self.addresses.next_if(|selected| *selected < address).is_some() {
                self.push_missing();
            }
            if self.addresses.next_if_eq(&address).is_none() {
                continue;
            }
            if read.estimated && read.tokens.get(row).is_some_and(Option::is_none) {
                self.push_missing();
                lost.push(address);
                continue;
            }
            let said = |values: &[Option<u32>], name: &str| {
                values.get(row).copied().flatten().ok_or_else(|| {
                    Error::invalid(format!(
                        "the column `{name}` does not say its length: fill it in (`surgdb column` does), or leave it out"
                    ))
                    .in_row(format!("conversation {address}"))
                })
            };
            let pictures = match self.counted {
                true => Some(said(&read.pictures, read.named[1])?),
                false => None,
            };
            // An estimate may be as large as what stands for a missing one.
            self.push(said(&read.tokens, read.named[0])?.min(MISSING - 1), pictures);
        }
        Ok(())
    }

    /// Goes behind rows that cannot be read, and adds those that are selected to `lost`.
    fn pass_over(&mut self, first: Address, last: Address, lost: &mut Vec<Address>) {
        while let Some(address) = self.addresses.next_if(|selected| *selected <= last) {
            self.push_missing();
            lost.extend((first <= address).then_some(address));
        }
    }

    fn push_missing(&mut self) {
        self.push(MISSING, self.counted.then_some(MISSING));
    }

    fn push(&mut self, tokens: u32, pictures: Option<u32>) {
        self.group.tokens.push(tokens);
        self.group.pictures.extend(pictures);
    }

    fn finish(mut self) -> Group {
        while self.addresses.next().is_some() {
            self.push_missing();
        }
        fill_in(&mut self.group.tokens);
        fill_in(&mut self.group.pictures);
        self.group.tokens.shrink_to_fit();
        self.group.pictures.shrink_to_fit();
        self.group
    }
}

/// Gives what is missing the mean of the others, rounded up.
fn fill_in(numbers: &mut [u32]) {
    let known = || numbers.iter().filter(|number| **number != MISSING);
    let (count, sum) = (known().count() as u64, known().map(|number| u64::from(*number)).sum::<u64>());
    let mean = if count == 0 { 0 } else { sum.div_ceil(count) as u32 };
    numbers.iter_mut().filter(|number| **number == MISSING).for_each(|number| *number = mean);
}
