// Reads how many tests ran, from what the test runners print themselves.

// A runner may colour its lines.
const ANSI = /\u001b\[[0-9;]*m/g;
const CARGO = /^test result: .*?(\d+) passed; (\d+) failed;.*$/;
const NODE = /^(?:ℹ|#) (tests|pass|fail|cancelled|skipped) (\d+)$/;

/** The runners' own total lines in `output`, and their sum. */
export function totalsIn(output) {
  const totals = { lines: [], passed: 0, failed: 0 };
  for (const line of output.replace(ANSI, "").split(/\r?\n/).map((text) => text.trimEnd())) {
    const cargo = line.match(CARGO);
    const node = line.match(NODE);
    if (!cargo && !node) continue;
    totals.lines.push(line);
    if (cargo) {
      totals.passed += Number(cargo[1]);
      totals.failed += Number(cargo[2]);
    } else if (node[1] === "pass") {
      totals.passed += Number(node[2]);
    } else if (node[1] === "fail" || node[1] === "cancelled") {
      totals.failed += Number(node[2]);
    }
  }
  return totals;
}

export const sum = (all, field) => all.reduce((total, each) => total + each[field], 0);
