//! The PowerShell module from `integrations/powershell`, embedded in the program so that it always matches
//! this version.

use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

/// The module's folder, and its name in PowerShell.
const NAME: &str = "Postern";

macro_rules! files {
    ($($file:literal),+ $(,)?) => {
        [$(($file, include_str!(concat!("../../../integrations/powershell/Postern/", $file)))),+]
    };
}

/// Its files, by their path in the folder.
const FILES: [(&str, &str); 9] = files![
    "Postern.psd1",
    "Postern.psm1",
    "Postern.Format.ps1xml",
    "Cmdlets.ps1",
    "Completion.ps1",
    "Connection.ps1",
    "Invoke.ps1",
    "Request.ps1",
    "en-US/about_Postern.help.txt",
];

/// Writes the module into a folder of its own below `folder`, and returns the path of that folder.
///
/// # Errors
/// The folder can't be created or written to.
pub fn write_into(folder: &Path) -> io::Result<PathBuf> {
    let module = folder.join(NAME);
    for (path, text) in FILES {
        let file = module.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    std::path::absolute(module)
}

/// The module as a zip file (APPNOTE.TXT of PKWARE).
///
/// # Errors
/// It can't be compressed.
pub fn zip() -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in FILES {
        zip.start_file(format!("{NAME}/{path}"), SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The PowerShell commands that load the module at `module` and connect to `portal`.
pub fn first_lines(module: &str, portal: &str) -> [String; 2] {
    [
        format!("Import-Module {}", quoted(module)),
        format!("Connect-Postern {portal} -Token (Read-Host -AsSecureString)"),
    ]
}

/// A path, quoted for PowerShell.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-\\:".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_module_is_left_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/powershell").join(NAME);
        let mut there = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    there.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        there.sort();
        let mut ours: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        ours.sort();
        assert_eq!(ours, there);
    }

    #[test]
    fn the_zip_holds_every_file_as_it_is() {
        let mut archive = zip::ZipArchive::new(Cursor::new(zip().unwrap())).unwrap();
        assert_eq!(archive.len(), FILES.len());
        for (path, text) in FILES {
            let file = archive.by_name(&format!("{NAME}/{path}")).unwrap();
            assert_eq!(io::read_to_string(file).unwrap(), text, "{path}");
        }
    }

    #[test]
    fn paths_are_quoted_where_powershell_needs_it() {
        let lines = |module: &str| first_lines(module, "https://postern.contoso.com")[0].clone();
        assert_eq!(lines("/srv/Postern"), "Import-Module /srv/Postern");
        assert_eq!(lines("/srv/it's here/Postern"), "Import-Module '/srv/it''s here/Postern'");
    }
}
