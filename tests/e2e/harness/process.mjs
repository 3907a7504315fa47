// What /proc tells of processes: which children there are, how much CPU and memory one uses. Linux only.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Linux counts CPU in ticks of 1/100 s on every platform that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** @returns the ids of this process's children with that name. */
export function childProcesses(name) {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number).filter((pid) => {
    const stat = readStat(pid);
    return stat !== null && stat.name === name && stat.parent === process.pid;
  });
}

/** @returns the CPU time that all threads of the process have used, in milliseconds. */
export function cpuMs(pid) {
  const stat = readStat(pid);
  if (stat === null) throw new Error(`process ${pid} is gone`);
  return ((stat.userTicks + stat.systemTicks) * 1000) / TICKS_PER_SECOND;
}

function readStat(pid) {
  let line;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const nameEnd = line.lastIndexOf(')');
  const fields = line.slice(nameEnd + 2).split(' ');
  return {
    name: line.slice(line.indexOf('(') + 1, nameEnd),
    parent: Number(fields[1]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
  };
}

/** @returns the resident memory of the process and its peak since the last `resetPeak`, in bytes. */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (name) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))[1]) * 1024;
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** Lets the peak begin anew at what is resident now. */
export function resetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
