//! Random bytes of the platform, fetched many at a time: to ask for ten costs as much as to ask for a thousand.

use std::cell::RefCell;

use super::js;
use super::ports::random_id;

/// How many are fetched at a time: enough for a hundred requests.
const STOCK_BYTES: u32 = 1_000;

thread_local! {
    static STOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// As many bytes as the random part of a UUIDv7 has, each used once.
pub(super) fn take() -> [u8; 10] {
    STOCK.with(|stock| {
        let mut stock = stock.borrow_mut();
        if stock.len() < 10 {
            *stock = js::entropy(STOCK_BYTES).map(|bytes| bytes.to_vec()).unwrap_or_default();
        }
        let left = stock.len().saturating_sub(10);
        // The platform refuses no request.
        stock.split_off(left).try_into().unwrap_or_else(|_| {
            let mut bytes = [0; 10];
            bytes.iter_mut().zip(random_id().to_le_bytes()).for_each(|(byte, random)| *byte = random);
            bytes
        })
    })
}
