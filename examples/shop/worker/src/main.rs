//! Counts the stock of the shop.

use std::time::Duration;
use std::{io, thread};

fn main() -> io::Result<()> {
    loop {
        let items = catalog::items()?;
        let total: u32 = items.iter().map(|item| item.price).sum();
        println!("{} items, {total} {} in all", items.len(), catalog::CURRENCY);
        thread::sleep(Duration::from_secs(2));
    }
}
