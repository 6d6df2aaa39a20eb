//! Processor time, as Linux counts it for each process, in hundredths of a second. Unlike a rate it hardly depends on
//! what else the machine does.

use std::fs;

use crate::Result;

/// Seconds of processor time of a process and all of its children, those that have ended too.
pub(crate) fn processor_time(process: u32) -> Result<f64> {
    let mut total = times(process)?.iter().sum::<f64>();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that has just ended is counted by its parent.
        if let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat"))
            && fields(&stat).nth(1) == Some(process.to_string().as_str())
        {
            total += own_time(child).unwrap_or(0.0);
        }
    }
    Ok(total)
}

/// Seconds of processor time of one process.
pub(crate) fn own_time(process: u32) -> Result<f64> {
    Ok(times(process)?[..2].iter().sum())
}

/// Of itself by the program and by the kernel, and both of its children that have ended.
fn times(process: u32) -> Result<Vec<f64>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = fields(&stat).skip(11).take(4).map(|ticks| Ok(ticks.parse::<f64>()? / 100.0));
    ticks.collect()
}

/// The fields behind the name of the program, which may have spaces in it.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(") ").next().unwrap_or_default().split(' ')
}
