/** The longest wait before the first attempt after a failure, and before any, in milliseconds. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** How long to wait after so many failures in a row: anything up to a bound that doubles, so that clients spread. */
export function backoffMs(failures: number, random: number): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(random * bound);
}
