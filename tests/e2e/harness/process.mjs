// What /proc tells of processes: which children there are and how much CPU one has used. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

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
