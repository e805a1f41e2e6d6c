//! What the tests want beside Rust: programs from the distribution, and Python packages.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Something that must be there, and the package of Debian's that brings it.
struct Neighbour {
    package: &'static str,
    /// A command that succeeds where it is there.
    probe: &'static [&'static str],
}

/// The real neighbours of the gateway, and of the transport over NATS.
const NEIGHBOURS: [Neighbour; 4] = [
    Neighbour {
        package: "slapd",
        probe: &["slapd", "-VV"],
    },
    Neighbour {
        package: "python3-venv",
        probe: &["python3", "-c", "import venv, ensurepip"],
    },
    Neighbour {
        package: "curl",
        probe: &["curl", "--version"],
    },
    Neighbour {
        package: "nats-server",
        probe: &["nats-server", "--version"],
    },
];

/// Where Debian keeps servers, which is not in everybody's `PATH`.
const SERVERS: &str = "/usr/sbin";

/// Installs what is missing, or says what to type.
///
/// Only root can install, and only apt is asked to; nothing is asked back.
pub(crate) fn set_up() -> Result<(), Failure> {
    let packages = missing(is_there);
    if !packages.is_empty() {
        if !can_install() {
            return Err(Failure::missing(what_to_type(&packages)));
        }
        install(&packages)?;
        let packages = missing(is_there);
        if !packages.is_empty() {
            return Err(Failure::missing(what_to_type(&packages)));
        }
    }
    install_clients()
}

fn missing(is_there: impl Fn(&[&str]) -> bool) -> Vec<&'static str> {
    let absent = NEIGHBOURS.iter().filter(|each| !is_there(each.probe));
    absent.map(|neighbour| neighbour.package).collect()
}

fn is_there(probe: &[&str]) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("env");
    command.arg(format!("PATH={path}:{SERVERS}")).args(probe);
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn can_install() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n") && is_there(&["apt-get", "--version"])
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    Step::program("look for packages", Path::new("apt-get"), "apt-get")
        .with_arguments(&["--quiet", "update"])
        .run()?;
    // Else Debian would make a directory of its own, and serve it: the tests start a server themselves. The server of NATS that
    // Debian starts, where there is a systemd, listens on this machine only, and the tests ask others.
    let answer = "echo slapd slapd/no_configuration boolean true | debconf-set-selections";
    Step::program("want no server", Path::new("sh"), "sh")
        .with_arguments(&["-c", answer])
        .run()?;
    Step::program("install packages", Path::new("apt-get"), "apt-get")
        .with_arguments(&["--quiet", "--yes", "--no-install-recommends", "install"])
        .with_arguments(packages)
        .with_variable("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Installs asfpy and `requests` where the tests look for them, so that a slow PyPI is not mistaken for a slow test.
fn install_clients() -> Result<(), Failure> {
    let python = "signal-bus-gateway/tests/clients/python";
    // As `CARGO_TARGET_TMPDIR` for the tests.
    let folder = workspace::output_folder()?.with_file_name("tmp");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::missing(format!("cannot make {}: {error}", folder.display())))?;
    Step::program("install clients", &workspace::root().join(python), python)
        .with_arguments(&[folder.join("asfpy").to_string_lossy()])
        .with_arguments(&["-c", "import asfpy, requests"])
        .run()
}

fn what_to_type(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    format!(
        "the tests of the gateway and of NATS need what is not here; on Debian and Ubuntu, type:\n  \
         sudo apt-get install {packages}"
    )
}

#[cfg(test)]
mod tests {
    use super::{missing, what_to_type};

    #[test]
    fn what_is_missing_comes_in_one_line_to_type() {
        let packages = missing(|probe| probe[0] == "python3");
        assert_eq!(packages, ["slapd", "curl", "nats-server"]);
        let text = what_to_type(&packages);
        assert!(
            text.ends_with("\n  sudo apt-get install slapd curl nats-server"),
            "{text}"
        );
        assert_eq!(missing(|_| true), [""; 0]);
    }
}
