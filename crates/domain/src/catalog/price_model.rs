//! How the amount of a price follows from a quantity: per unit, by package, by tiers, or as the customer chooses.
//!
//! Every amount is computed exactly and rounded half up once, at the line's total. That is how providers with decimal
//! prices do it, so that what is shown here is what is charged there.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money, MoneyError, Quantity, Rounding, UnitPrice};
use crate::validation::{Invalid, Validator, Violations};

/// How an amount follows from a quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum PriceModel {
    /// The same for each unit.
    PerUnit {
        /// What one unit costs.
        unit_price: UnitPrice,
    },
    /// By packages of several units.
    Package {
        /// What one package costs.
        package_price: UnitPrice,
        /// How many units are in it.
        size: PackageSize,
        /// What a package that is not full counts for.
        rounding: PackageRounding,
    },
    /// Each unit at the price of the tier that it falls into.
    Graduated {
        /// The tiers.
        tiers: Tiers,
    },
    /// Every unit at the price of the tier that the whole quantity falls into.
    Volume {
        /// The tiers.
        tiers: Tiers,
    },
    /// What the customer enters.
    CustomerChosen(ChosenAmount),
}

/// How many units are in a package: 2 to [`Quantity::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageSize(u32);

impl PackageSize {
    /// Parses a size.
    ///
    /// # Errors
    /// Below 2 or above [`Quantity::MAX`].
    pub fn parse(units: i64) -> Result<Self, Invalid> {
        let fits = u32::try_from(units).ok().filter(|units| (2..=Quantity::MAX).contains(units));
        let expected = || format!("must be from 2 to {} units", Quantity::MAX);
        fits.map(Self).ok_or_else(|| Invalid::new("PACKAGE_SIZE_OUT_OF_RANGE", expected()))
    }

    /// The number of units.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a package that is not full counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageRounding {
    /// A whole one.
    Up,
    /// Nothing.
    Down,
}

/// Tiers of a price: 1 to [`Tiers::MAX`], in one currency, each ending above the one before, the last without an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tiers(Vec<Tier>);

/// One tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The last unit in it.
    pub up_to: TierEnd,
    /// What each unit costs.
    pub unit_price: UnitPrice,
    /// What is paid once, as soon as a unit falls into it.
    pub flat_price: UnitPrice,
}

/// Where a tier ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierEnd {
    /// At this unit, which is still in it; 1 to [`Quantity::MAX`].
    Unit(u32),
    /// Nowhere.
    Open,
}

impl TierEnd {
    /// The end of a tier at a unit.
    ///
    /// # Errors
    /// Below 1 or above [`Quantity::MAX`].
    pub fn parse(unit: i64) -> Result<Self, Invalid> {
        let fits = u32::try_from(unit).ok().filter(|unit| (1..=Quantity::MAX).contains(unit));
        let expected = || format!("must be a piece's number: 1 to {}", Quantity::MAX);
        fits.map(Self::Unit).ok_or_else(|| Invalid::new("TIER_END", expected()))
    }

    /// The number of the last unit in it.
    const fn last(self) -> u32 {
        match self {
            Self::Unit(unit) => unit,
            Self::Open => u32::MAX,
        }
    }
}

impl Tiers {
    /// The most tiers of a price.
    pub const MAX: usize = 100;

    /// Parses tiers.
    ///
    /// # Errors
    /// Every violation, with paths such as `[2].up_to` below the list.
    pub fn parse(tiers: Vec<Tier>) -> Result<Self, Violations> {
        let mut v = Validator::new();
        if !(1..=Self::MAX).contains(&tiers.len()) {
            v.refuse("", Invalid::new("TIER_COUNT", format!("must have 1 to {} tiers", Self::MAX)));
        }
        let currency = tiers.first().map(|tier| tier.unit_price.currency());
        let mut before = 0;
        for (index, tier) in tiers.iter().enumerate() {
            let is_last = index + 1 == tiers.len();
            match tier.up_to {
                TierEnd::Open if !is_last => {
                    v.refuse(
                        &format!("[{index}].up_to"),
                        Invalid::new("OPEN_TIER", "must end, since another tier follows"),
                    );
                }
                TierEnd::Unit(_) if is_last => {
                    v.refuse(
                        &format!("[{index}].up_to"),
                        Invalid::new("LAST_TIER_ENDS", "must be absent on the last tier"),
                    );
                }
                end if end.last() <= before => {
                    let expected = format!("must be above {before}, where the tier before ends");
                    v.refuse(&format!("[{index}].up_to"), Invalid::new("TIERS_OUT_OF_ORDER", expected));
                }
                _ => {}
            }
            if let TierEnd::Unit(last) = tier.up_to {
                before = last;
            }
            let currencies = [Some(tier.unit_price.currency()), Some(tier.flat_price.currency())];
            if currencies.iter().any(|other| *other != currency) {
                let expected = "must be in the currency of the first tier";
                v.refuse(&format!("[{index}]"), Invalid::new("CURRENCY_MISMATCH", expected));
            }
        }
        v.finish(Some(Self(tiers)))
    }

    /// The tiers, the lowest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tier> {
        self.0.iter()
    }

    fn currency(&self) -> Currency {
        // Never empty, by `parse`.
        self.0[0].unit_price.currency()
    }

    fn graduated(&self, quantity: u32) -> Option<Decimal> {
        let (mut total, mut before) = (Decimal::ZERO, 0);
        for tier in &self.0 {
            let units = quantity.min(tier.up_to.last()).saturating_sub(before);
            if units == 0 {
                break;
            }
            let charged = tier.unit_price.minor().checked_mul(Decimal::from(units))?;
            total = total.checked_add(charged)?.checked_add(tier.flat_price.minor())?;
            before = tier.up_to.last();
        }
        Some(total)
    }

    fn volume(&self, quantity: u32) -> Option<Decimal> {
        let tier = self.0.iter().find(|tier| quantity <= tier.up_to.last())?;
        tier.unit_price.minor().checked_mul(Decimal::from(quantity))?.checked_add(tier.flat_price.minor())
    }
}

/// An amount that the customer enters, within bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenAmount {
    currency: Currency,
    minimum: Option<Money>,
    maximum: Option<Money>,
    preset: Option<Money>,
}

impl ChosenAmount {
    /// Parses bounds, in minor units.
    ///
    /// # Errors
    /// A bound that is not from 1 to [`Money::MINOR_MAX`], a maximum below the minimum, or a preset outside of them.
    pub fn parse(
        currency: Currency,
        minimum: Option<i64>,
        maximum: Option<i64>,
        preset: Option<i64>,
    ) -> Result<Self, Violations> {
        let mut v = Validator::new();
        let mut amount = |field: &str, minor: Option<i64>| {
            v.check_optional(field, minor, |minor| Money::positive(minor, currency)).flatten()
        };
        let (min, max, start) = (amount("minimum", minimum), amount("maximum", maximum), amount("preset", preset));
        let exceeds =
            |low: Option<Money>, high: Option<Money>| low.zip(high).is_some_and(|(l, h)| l.minor() > h.minor());
        if exceeds(min, max) {
            v.refuse("maximum", Invalid::new("BOUNDS_CROSSED", "must not be below the minimum"));
        }
        if exceeds(min, start) || exceeds(start, max) {
            v.refuse("preset", Invalid::new("OUT_OF_BOUNDS", "must be within minimum and maximum"));
        }
        v.finish(Some(Self { currency, minimum: min, maximum: max, preset: start }))
    }

    /// The least that may be entered.
    pub const fn minimum(&self) -> Option<Money> {
        self.minimum
    }

    /// The most that may be entered.
    pub const fn maximum(&self) -> Option<Money> {
        self.maximum
    }

    /// What is entered already when the page opens.
    pub const fn preset(&self) -> Option<Money> {
        self.preset
    }
}

impl PriceModel {
    /// The currency.
    pub fn currency(&self) -> Currency {
        match self {
            Self::PerUnit { unit_price } => unit_price.currency(),
            Self::Package { package_price, .. } => package_price.currency(),
            Self::Graduated { tiers } | Self::Volume { tiers } => tiers.currency(),
            Self::CustomerChosen(chosen) => chosen.currency,
        }
    }

    /// The name of the model, in snake case.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PerUnit { .. } => "per_unit",
            Self::Package { .. } => "package",
            Self::Graduated { .. } => "graduated",
            Self::Volume { .. } => "volume",
            Self::CustomerChosen(_) => "customer_chosen",
        }
    }

    /// The amount of a quantity, rounded half up once. What the customer chooses is its preset, or nothing, until it is
    /// chosen.
    ///
    /// # Errors
    /// It is above [`Money::MINOR_MAX`].
    pub fn amount(&self, quantity: Quantity) -> Result<Money, MoneyError> {
        let currency = self.currency();
        let exact = match self {
            Self::PerUnit { unit_price } => return unit_price.times(quantity),
            Self::CustomerChosen(chosen) => return Ok(chosen.preset.unwrap_or(Money::zero(currency))),
            Self::Package { package_price, size, rounding } => {
                let packages = match rounding {
                    PackageRounding::Up => quantity.get().div_ceil(size.get()),
                    PackageRounding::Down => quantity.get() / size.get(),
                };
                package_price.minor().checked_mul(Decimal::from(packages))
            }
            Self::Graduated { tiers } => tiers.graduated(quantity.get()),
            Self::Volume { tiers } => tiers.volume(quantity.get()),
        };
        match Rounding::HalfUp.to_minor(exact.ok_or(MoneyError::Overflow)?)? {
            minor if minor <= Money::MINOR_MAX => Ok(Money::new(minor, currency)),
            _ => Err(MoneyError::Overflow),
        }
    }
}

/// How often something is paid again: every `count` intervals, at most three years apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    interval: Interval,
    count: u32,
}

/// The unit of a recurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl Interval {
    /// The most of them that make up three years.
    pub const fn count_max(self) -> u32 {
        match self {
            Self::Day => 3 * 365,
            Self::Week => 3 * 52,
            Self::Month => 3 * 12,
            Self::Year => 3,
        }
    }

    /// Its name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl Recurrence {
    /// Parses a recurrence.
    ///
    /// # Errors
    /// Below 1 or above [`Interval::count_max`].
    pub fn parse(interval: Interval, count: i64) -> Result<Self, Invalid> {
        let max = interval.count_max();
        let fits = u32::try_from(count).ok().filter(|count| (1..=max).contains(count));
        let expected = || format!("must be from 1 to {max} for an interval of a {}", interval.name());
        let count = fits.ok_or_else(|| Invalid::new("INTERVAL_COUNT_OUT_OF_RANGE", expected()))?;
        Ok(Self { interval, count })
    }

    /// The unit.
    pub const fn interval(self) -> Interval {
        self.interval
    }

    /// How many of them lie between two payments.
    pub const fn count(self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn unit(minor: &str) -> UnitPrice {
        UnitPrice::parse(minor.parse().unwrap(), usd()).unwrap()
    }

    fn tier(up_to: Option<u32>, unit_price: &str, flat_price: &str) -> Tier {
        let up_to = up_to.map_or(TierEnd::Open, TierEnd::Unit);
        Tier { up_to, unit_price: unit(unit_price), flat_price: unit(flat_price) }
    }

    /// 7.00 up to five, 6.50 up to ten, 6.00 above: the example by which tiered pricing is usually explained.
    fn tiers() -> Tiers {
        Tiers::parse(vec![tier(Some(5), "700", "0"), tier(Some(10), "650", "0"), tier(None, "600", "0")]).unwrap()
    }

    fn of(model: &PriceModel, quantity: i64) -> i64 {
        model.amount(Quantity::parse(quantity).unwrap()).unwrap().minor()
    }

    #[test]
    fn a_tier_ends_at_a_piece_that_can_be_bought() {
        assert_eq!(TierEnd::parse(999_999), Ok(TierEnd::Unit(999_999)));
        for bad in [0, -1, 1_000_000, i64::MAX] {
            assert_eq!(TierEnd::parse(bad).unwrap_err().rule, "TIER_END", "{bad}");
        }
    }

    #[test]
    fn graduated_tiers_charge_each_unit_by_its_own_tier() {
        let model = PriceModel::Graduated { tiers: tiers() };
        let amounts = [1, 5, 6, 20, 25].map(|quantity| of(&model, quantity));
        assert_eq!(amounts, [700, 3_500, 4_150, 12_750, 15_750]);
    }

    #[test]
    fn volume_tiers_charge_every_unit_by_the_tier_of_the_whole() {
        let model = PriceModel::Volume { tiers: tiers() };
        let amounts = [1, 5, 6, 20, 25].map(|quantity| of(&model, quantity));
        assert_eq!(amounts, [700, 3_500, 3_900, 12_000, 15_000]);
    }

    #[test]
    fn a_flat_price_is_paid_once_for_each_tier_that_is_reached() {
        let tiers = Tiers::parse(vec![tier(Some(5), "500", "1000"), tier(None, "400", "2000")]).unwrap();
        let graduated = PriceModel::Graduated { tiers: tiers.clone() };
        assert_eq!([5, 6].map(|quantity| of(&graduated, quantity)), [3_500, 5_900]);
        let volume = PriceModel::Volume { tiers };
        assert_eq!([5, 6].map(|quantity| of(&volume, quantity)), [3_500, 4_400]);
    }

    #[test]
    fn packages_count_whole() {
        let size = PackageSize::parse(5).unwrap();
        let package = |rounding| PriceModel::Package { package_price: unit("2500"), size, rounding };
        assert_eq!([1, 5, 6].map(|quantity| of(&package(PackageRounding::Up), quantity)), [2_500, 2_500, 5_000]);
        assert_eq!([1, 5, 9].map(|quantity| of(&package(PackageRounding::Down), quantity)), [0, 2_500, 2_500]);
        assert!(PackageSize::parse(1).is_err());
    }

    #[test]
    fn fractions_are_rounded_once_at_the_total() {
        let tiers = Tiers::parse(vec![tier(Some(3), "0.5", "0"), tier(None, "0.3", "0.1")]).unwrap();
        // 1.5 + 0.6 + 0.1
        assert_eq!(of(&PriceModel::Graduated { tiers }, 5), 2);
    }

    #[test]
    fn tiers_are_in_order_and_the_last_is_open() {
        let fields = |tiers: Vec<Tier>| {
            let violations = Tiers::parse(tiers).unwrap_err();
            violations.iter().map(|v| (v.field.clone(), v.rule.clone())).collect::<Vec<_>>()
        };
        let refused = |field: &str, rule: &str| vec![(field.to_owned(), rule.to_owned())];
        assert_eq!(fields(vec![]), refused("", "TIER_COUNT"));
        assert_eq!(fields(vec![tier(Some(5), "1", "0")]), refused("[0].up_to", "LAST_TIER_ENDS"));
        assert_eq!(fields(vec![tier(None, "1", "0"), tier(None, "1", "0")]), refused("[0].up_to", "OPEN_TIER"));
        let twice = vec![tier(Some(5), "1", "0"), tier(Some(5), "1", "0"), tier(None, "1", "0")];
        assert_eq!(fields(twice), refused("[1].up_to", "TIERS_OUT_OF_ORDER"));
    }

    #[test]
    fn a_chosen_amount_lies_within_its_bounds() {
        let refused = |minimum, maximum, preset| {
            let violations = ChosenAmount::parse(usd(), minimum, maximum, preset).unwrap_err();
            violations.iter().map(|v| v.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(refused(Some(200), Some(100), None), ["maximum"]);
        assert_eq!(refused(Some(200), None, Some(100)), ["preset"]);
        assert_eq!(refused(Some(0), Some(-1), None), ["minimum", "maximum"]);
        let chosen = ChosenAmount::parse(usd(), Some(100), Some(900), Some(500)).unwrap();
        assert_eq!(of(&PriceModel::CustomerChosen(chosen), 1), 500);
    }

    #[test]
    fn recurrences_reach_three_years() {
        for (interval, max) in
            [(Interval::Day, 1_095), (Interval::Week, 156), (Interval::Month, 36), (Interval::Year, 3)]
        {
            assert!(Recurrence::parse(interval, max).is_ok());
            assert_eq!(Recurrence::parse(interval, max + 1).unwrap_err().rule, "INTERVAL_COUNT_OUT_OF_RANGE");
        }
    }

    proptest! {
        #[test]
        fn one_tier_is_the_same_as_a_price_per_unit(price in 0i64..1_000_000, quantity in 1i64..=1_000) {
            let tiers = Tiers::parse(vec![tier(None, &price.to_string(), "0")]).unwrap();
            let flat = of(&PriceModel::PerUnit { unit_price: unit(&price.to_string()) }, quantity);
            prop_assert_eq!(of(&PriceModel::Graduated { tiers: tiers.clone() }, quantity), flat);
            prop_assert_eq!(of(&PriceModel::Volume { tiers }, quantity), flat);
        }

        #[test]
        fn graduated_amounts_never_fall_as_the_quantity_rises(
            prices in proptest::collection::vec(0u32..10_000, 1..6), quantity in 1i64..200
        ) {
            let count = prices.len();
            let tiers = prices.iter().enumerate().map(|(index, price)| {
                let up_to = (index + 1 < count).then(|| (u32::try_from(index).unwrap() + 1) * 10);
                tier(up_to, &price.to_string(), "0")
            });
            let model = PriceModel::Graduated { tiers: Tiers::parse(tiers.collect()).unwrap() };
            prop_assert!(of(&model, quantity) <= of(&model, quantity + 1));
        }
    }
}
