//! Pages of a list by keyset: the cursor names the last row seen, so that rows added meanwhile move nothing.

use crate::validation::Invalid;

/// How many rows a page has: 1 to 100, 20 where the caller says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// The most rows of a page.
    pub const MAX: u32 = 100;
    /// The rows of a page where the caller says nothing.
    pub const DEFAULT: Self = Self(20);

    /// Parses a size; 0 stands for the default.
    ///
    /// # Errors
    /// Negative or above [`PageSize::MAX`].
    pub fn parse(size: i32) -> Result<Self, Invalid> {
        match u32::try_from(size) {
            Ok(0) => Ok(Self::DEFAULT),
            Ok(size) if size <= Self::MAX => Ok(Self(size)),
            _ => Err(Invalid::new("PAGE_SIZE", format!("must be from 0 to {}", Self::MAX))),
        }
    }

    /// The number of rows.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Which page of a list, newest first: `size` rows older than `before`.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<Id> {
    /// Rows of the page.
    pub size: PageSize,
    /// The last id of the page before, absent for the first page.
    pub before: Option<Id>,
}

impl<Id> PageRequest<Id> {
    /// The newest row alone.
    pub const NEWEST: Self = Self { size: PageSize(1), before: None };
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page of rows that were read with one more than its size, to learn whether there are more.
    pub fn from_overfetched(mut items: Vec<T>, size: PageSize) -> Self {
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let has_more = items.len() > size;
        items.truncate(size);
        Self { items, has_more }
    }
}
