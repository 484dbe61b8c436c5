//! Exact amounts of money and of other declared values.
//!
//! Owns a fixed-point decimal with 18 places. Addition is exact and the same in any order, which
//! binary floating point and floating decimals can't promise. Knows no currency.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

/// An amount in units of 10⁻¹⁸. Sums are exact up to about 1.7·10²⁰ whole units and saturate there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// Decimal places of [`Money`].
pub const PLACES: u32 = 18;
const ONE: i128 = 1_000_000_000_000_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that one event may carry, in whole units: 10⁹.
    pub const EVENT_MAX: Self = Self(1_000_000_000 * ONE);

    /// The amount as a binary number, for statistics and metrics; relative error ≤ 2⁻⁵².
    #[expect(clippy::cast_precision_loss, reason = "the caller asked for the nearest f64")]
    pub fn to_f64(self) -> f64 {
        // Whole and fraction apart: one conversion of the 128-bit number would round twice.
        (self.0 / ONE) as f64 + (self.0 % ONE) as f64 / 1e18
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The amount per unit: exact to the last place where `units` is whole, else to an f64's
    /// precision. `None` where `units` is not greater than 0.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2⁵³, or of the amount's size")]
    pub fn per(self, units: f64) -> Option<Self> {
        if !(units > 0.0 && units.is_finite()) {
            return None;
        }
        if units.fract() == 0.0 && units < 9e15 {
            let divisor = units as i128;
            let (whole, rest) = (self.0.div_euclid(divisor), self.0.rem_euclid(divisor));
            return Some(Self(whole + i128::from(2 * rest >= divisor)));
        }
        Some(Self((self.to_f64() / units * 1e18).round() as i128))
    }

    fn from_decimal(decimal: Decimal) -> Option<Self> {
        let decimal = decimal.round_dp(PLACES);
        let scale = PLACES.checked_sub(decimal.scale())?;
        decimal.mantissa().checked_mul(10i128.checked_pow(scale)?).map(Self)
    }
}

impl FromStr for Money {
    type Err = String;

    /// Reads `12`, `-0.004`, `4.02e-4`. Digits past the 18th place are rounded (half to even).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "is not a decimal amount such as 0.0042".to_owned();
        if text.len() > 40 {
            return Err(wrong());
        }
        let decimal = match Decimal::from_str(text) {
            Ok(decimal) => decimal,
            Err(_) => Decimal::from_scientific(text).map_err(|_| wrong())?,
        };
        Self::from_decimal(decimal).ok_or_else(|| "is too large an amount".to_owned())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = (self.0 / ONE).unsigned_abs();
        let fraction = (self.0 % ONE).unsigned_abs();
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:018}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i128(self.0) }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            i128::deserialize(deserializer).map(Self)
        }
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("exact decimal amount"))
            .examples([serde_json::json!("0.0042")])
            .into()
    }
}

impl utoipa::ToSchema for Money {
    fn name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_prints_exactly() {
        for (text, printed) in [
            ("0", "0"),
            ("0.0004019999999999", "0.0004019999999999"),
            ("4.02e-4", "0.000402"),
            ("-1.50", "-1.5"),
            ("1000000000", "1000000000"),
            ("0.1234567890123456785", "0.123456789012345678"),
        ] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), printed, "{text}");
        }
        for bad in ["", "abc", "NaN", "inf", "1e300", "1,5", &"9".repeat(41)] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tenth_added_ten_times_is_one() {
        let mut sum = Money::ZERO;
        for _ in 0..10 {
            sum += "0.1".parse().unwrap();
        }
        assert_eq!(sum, "1".parse().unwrap());
    }

    #[test]
    fn per_unit_is_exact_for_whole_units() {
        let per = |text: &str, units: f64| text.parse::<Money>().unwrap().per(units).map(|m| m.to_string());
        assert_eq!(per("0.3", 3.0).as_deref(), Some("0.1"));
        assert_eq!(per("1", 3.0).as_deref(), Some("0.333333333333333333"));
        assert_eq!(per("2", 3.0).as_deref(), Some("0.666666666666666667"));
        assert_eq!(per("1", 0.5).as_deref(), Some("2"));
        assert_eq!(per("1", 0.0), None);
    }

    proptest! {
        #[test]
        fn text_round_trip(units in -1_000_000_000_000_000_000_000_000_000i128..1_000_000_000_000_000_000_000_000_000) {
            let money = Money(units);
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        }
    }
}
