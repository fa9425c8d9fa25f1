// Blobs (blobs-v1.md): their ids, and fetching one from a peer.
import { bigEndian, concat, equal, idText, require, sha256 } from './bytes.js'
import { frame } from './frames.js'
import { BLOB_ANSWERS, readMessage } from './messages.js'

export const CHUNK = 131072
const RUN = 64
const FIND = 112; const READ = 113; const HEAD = 120; const PART = 121

const digestOf = chunk => sha256('consilience/chunk/v1\0', chunk)

export const headId = (size, digests) => sha256('consilience/blob/v1\0', bigEndian(BigInt(size), 8), digests)

export function digestsOf (data) {
  const digests = []
  for (let at = 0; at < data.length; at += CHUNK) digests.push(digestOf(data.subarray(at, at + CHUNK)))
  return concat(...digests)
}

export const blobId = data => headId(data.length, digestsOf(data))

// The blob with this id from the peer at the other end of a FrameStream; null if it has it not.
export async function fetchBlob (stream, id, mostBytes) {
  const ask = async (...question) => {
    if (question.length) await stream.send(frame(...question))
    const answer = await stream.read()
    if (answer === null) throw new Error('the peer closed the stream')
    return readMessage(BLOB_ANSWERS, answer)
  }
  const head = await ask(FIND, id)
  if (head.kind !== HEAD) return null
  const [size, digests] = head.fields
  const count = Math.ceil(Number(size) / CHUNK)
  require(equal(headId(size, digests), id), 'the head of another blob')
  require(Number(size) <= mostBytes, `blob ${idText(id)} has ${size} bytes`)
  const data = new Uint8Array(Number(size))
  for (let index = 0; index < count;) {
    const run = Math.min(RUN, count - index)
    for (let i = 0; i < run; i++, index++) {
      const part = await (i === 0 ? ask(READ, id, BigInt(index), BigInt(run)) : ask())
      if (part.kind !== PART) return null
      const [chunk] = part.fields
      require(chunk.length === Math.min(CHUNK, data.length - index * CHUNK), 'a chunk of another length')
      require(equal(digestOf(chunk), digests.subarray(32 * index, 32 * index + 32)), 'another chunk')
      data.set(chunk, index * CHUNK)
    }
  }
  return data
}
