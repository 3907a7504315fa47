//! Some members of an object by their names, where the rest of it is of no interest.

use super::{ReadError, Reader};

/// The JSON of the members with these names, in the order of the names; `None` for what is missing or `null`. The last one
/// counts where a name is given twice.
///
/// # Errors
/// What [`Reader`] refuses, and a document that is no object or that more follows.
pub fn pick<'a, const N: usize>(object: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], ReadError> {
    let mut found = [None; N];
    fill(object, &names, &mut found)?;
    Ok(found)
}

/// Compiled once, whatever the number of names.
fn fill<'a>(object: &'a str, names: &[&str], found: &mut [Option<&'a str>]) -> Result<(), ReadError> {
    let mut reader = Reader::new(object);
    reader.object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        if let Some((_, place)) = names.iter().zip(found.iter_mut()).find(|(name, _)| key.is(name)) {
            *place = Some(value).filter(|value| *value != "null");
        }
        Ok(())
    })?;
    reader.end()
}
