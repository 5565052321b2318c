//! The folder of a run: what the runtime is configured with, the sockets, what it writes. Removed when the run is over.
//!
//! Its path may be longer than the name of a socket can be: the driver goes through a descriptor of the folder, the process has the
//! folder as its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::shim;
use crate::worker::Worker;

/// Files below the folder in which objects are stored, by their path there.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Where objects are stored.
const STATE: &str = "state";

/// The folder of a run.
pub(super) struct Folder {
    folder: TempDir,
    /// Keeps the folder's descriptor, through which its sockets have short names.
    handle: File,
    lockstep: UnixListener,
    services: UnixListener,
    /// What the processes have written to their standard output, and how much of it was read.
    output: Option<File>,
    rest: Vec<u8>,
    /// What each process is told of the worker's date.
    preserves_alarm: bool,
}

impl Folder {
    /// A folder for a worker, whose objects have these files.
    pub(super) fn new(worker: &Worker, files: &Files) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("reveille-").tempdir()?;
        let path = folder.path();
        let handle = File::open(path)?;
        fs::create_dir(path.join(STATE))?;
        for (name, bytes) in files {
            let file = path.join(STATE).join(name);
            fs::create_dir_all(file.parent().expect("a file is in a folder"))?;
            fs::write(file, bytes)?;
        }
        shim::put_into(path)?;
        for (name, text) in worker.files() {
            fs::write(path.join(name), text)?;
        }
        let listen = |name: &str| {
            let listener = UnixListener::bind(short(&handle, name))?;
            listener.set_nonblocking(true)?;
            io::Result::Ok(listener)
        };
        let (lockstep, services) = (listen("lockstep.sock")?, listen("services.sock")?);
        Ok(Self {
            folder,
            handle,
            lockstep,
            services,
            output: None,
            rest: Vec::new(),
            preserves_alarm: worker.preserves_alarm(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where processes attach themselves.
    pub(super) fn lockstep(&self) -> &UnixListener {
        &self.lockstep
    }

    /// Where calls to services arrive.
    pub(super) fn services(&self) -> &UnixListener {
        &self.services
    }

    /// The name of the socket at which the process takes requests.
    pub(super) fn clients(&self) -> PathBuf {
        short(&self.handle, "clients.sock")
    }

    /// Makes ready for the next process, which is told its number.
    pub(super) fn begin_boot(&mut self, boot: u64) -> io::Result<()> {
        match fs::remove_file(self.path().join("clients.sock")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.rest.clear();
        let text = format!("{{\"epoch\":{boot},\"preserve_alarm\":{}}}", self.preserves_alarm);
        fs::write(self.path().join("boot.json"), text)
    }

    /// The whole lines that processes have written since the last time.
    pub(super) fn lines(&mut self) -> io::Result<Vec<String>> {
        if self.output.is_none() {
            self.output = Some(File::open(self.path().join("stdout"))?);
        }
        let output = self.output.as_mut().expect("it is open");
        output.read_to_end(&mut self.rest)?;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }

    /// The files of the objects, as a crash would leave them.
    pub(super) fn files(&self) -> io::Result<Files> {
        let (root, mut files) = (self.path().join(STATE), Files::new());
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).expect("it is below").to_owned();
                    files.insert(name, fs::read(&path)?);
                }
            }
        }
        Ok(files)
    }
}

/// A name of a socket in the folder that is short enough for one.
fn short(handle: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", handle.as_raw_fd()))
}
