export function refuseChange(): never {
  throw new TypeError('a state cannot be changed outside of a transaction; execute one')
}
