/** What was to collide did not: the machine was too slow, or the instance took another way. The race is run again. */
export class NoRace extends Error {
  override readonly name = 'NoRace'
}
