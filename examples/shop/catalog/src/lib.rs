//! The items of the shop, which the API lists and the worker counts.

use std::{fs, io};

/// The unit of a price. Change it: the API and the worker are built once and both restart.
pub const CURRENCY: &str = "EUR";

/// An item and its price.
pub struct Item {
    pub name: String,
    pub price: u32,
}

/// Reads the items that the `seed` task has put into the stock: a name and a price on each line.
pub fn items() -> io::Result<Vec<Item>> {
    let text = fs::read_to_string("data/items.txt")?;
    let item = |line: &str| {
        let (name, price) = line.split_once(' ')?;
        Some(Item { name: name.to_owned(), price: price.trim().parse().ok()? })
    };
    Ok(text.lines().filter_map(item).collect())
}
