/**
 * For commits in the calling turn.
 * @throws TypeError when one is under way, so that this one would be heard of before it, or inside of it
 */
export function assertOutside(isCommitting: boolean): void {
  if (!isCommitting) return
  throw new TypeError('store.sync cannot write inside of an update function or a commit listener; write after it')
}
