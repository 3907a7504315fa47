//! Compiles the catalogue: `catalog/**/*.toml` becomes `$OUT_DIR/catalog.rs`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

#[path = "catalog/compile/mod.rs"]
mod compile;

use compile::{Catalogue, Problem, Source};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=catalog");
    match run() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(problems)) => {
            for problem in problems {
                println!("cargo::error={problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("cargo::error=the catalogue cannot be read or written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<Result<(), Vec<Problem>>> {
    let models = model_files()?;
    let sources = models.iter().map(|path| read(path)).collect::<io::Result<Vec<_>>>()?;
    let providers = read(Path::new("catalog/providers.toml"))?;
    let aliases = read(Path::new("catalog/aliases.toml"))?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo did not set OUT_DIR"))?;
    match Catalogue::compile(&providers, &sources, &aliases) {
        Ok(catalogue) => fs::write(Path::new(&out).join("catalog.rs"), catalogue.emit()).map(Ok),
        Err(problems) => Ok(Err(problems)),
    }
}

/// In the order of their names, so that the same sources give the same tables everywhere.
fn model_files() -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir("catalog/models")?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> io::Result<Source> {
    let text = fs::read_to_string(path)?;
    let path = path.display().to_string();
    Ok(Source { path, text })
}
