/** So many bytes more than it needs may a kept view hold on to: copying would cost more than it gives back. */
const DETACH_SLACK = 1024

/** Whether whoever keeps so many bytes of a buffer had better keep a copy of them. */
export function isWasteful(buffer: ArrayBufferLike, byteLength: number): boolean {
  return buffer.byteLength > 2 * byteLength + DETACH_SLACK
}
