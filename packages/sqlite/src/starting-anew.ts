/** No epoch of a front counts any more, and none that was read before can be agreed on. */
export const RESTART_FRONTS = "UPDATE front_agreement SET epoch = '', term = term + 1"

export const END_LEASES = 'DELETE FROM lease'
