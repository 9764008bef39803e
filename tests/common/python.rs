//! A Python to test against, in an environment of its own with pinned versions. Where there is no Python, or no registry
//! to install from, tests say so on standard error and are skipped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The package's folder.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The environment's Python, made where it is not there yet; or why it cannot be made.
pub fn python() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target/");
    let (env, requirements) = (target.join("python-env"), Path::new(ROOT).join("tests/python/requirements.txt"));
    let (python, made) = (env.join("bin/python"), env.join("requirements.txt"));
    let wanted = fs::read(&requirements).unwrap();
    // Tests run side by side, in several processes too: one makes the environment, the others wait.
    let lock = File::create(target.join("python-env.lock")).unwrap();
    lock.lock().unwrap();
    if fs::read(&made).is_ok_and(|made| made == wanted) && run(Command::new(&python).arg("--version")).is_ok() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&env);
    run(Command::new("python3").args(["-m", "venv"]).arg(&env))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"];
    run(Command::new(&python).args(pip).arg(&requirements))?;
    fs::write(&made, wanted).unwrap();
    Ok(python)
}

/// Runs a command; or what it printed, where it failed.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!(
            "{command:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Says that a test was skipped for want of it.
pub fn skipped(why: &str) {
    super::skip::skipped(&format!("there is no Python, so nothing was compared\n{why}"));
}
