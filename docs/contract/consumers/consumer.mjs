// What nodes count, as JSON lines; the last of a key holds: node consumer.mjs HOST PORT. Needs mqtt, cborg (npm ci).
import { decode } from 'cborg'
import mqtt from 'mqtt'

const UNITS = ['max_per_frame', 'visits', 'new', 'affected_frames']
const seen = new Map() // key -> revision; keep it in a database: a node may send a record again at any time

const uuid = (bytes) =>
  Buffer.from(bytes).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

// Sightings (0) and intervals (1); kinds that this program does not know are passed over.
function* told(batch, node) {
  const [epoch, base, first, words] = [uuid(batch.get(1)), batch.get(2), batch.get(3), batch.get(8)]
  const stages = new Map(batch.get(10)) // place among the taxa -> life stage; a name may stand there once for each
  const taxa = (batch.get(7) ?? []).map(([label], place) => [label, stages.get(place) ?? null]) // none: nothing seen
  for (const record of batch.get(9).filter((one) => !(one.get(0) > 1))) {
    const out = { node, epoch, seq: first + record.get(1), utc_ms: base + record.get(2)[0] }
    if (record.get(0) === 0) {
      const [label, stage] = taxa[record.get(5)]
      yield { ...out, kind: 'sighting', label, stage, count: record.get(8) }
    } else if (record.get(0) === 1) {
      // counts missing: no data, which is not a zero; empty: looked, and saw none
      const counts = record.get(11)?.map(([place, ...numbers]) => [...taxa[place], ...numbers]) ?? null
      const [unit, no_data] = [UNITS[record.get(7)], record.has(12) ? words[record.get(12)] : null]
      if (!unit) throw new RangeError(`unit ${record.get(7)} is not known`)
      yield { ...out, kind: 'interval', revision: record.get(18) ?? 0, unit, frames: record.get(8), counts, no_data }
    }
  }
}

const client = mqtt.connect({ host: process.argv[2], port: Number(process.argv[3]), protocolVersion: 5 })
client.on('connect', () => client.subscribe('fieldeye/v1/+/+/records', { qos: 1 }))
client.on('message', (topic, payload) => {
  if (payload.length > 65536) return // more than the contract allows
  try {
    const batch = decode(payload, { useMaps: true, allowIndefinite: false })
    if (batch.get(0) !== 1) return
    for (const out of [...told(batch, topic.split('/')[3])]) {
      const [key, revision] = [`${out.node}/${out.epoch}/${out.seq}`, out.revision ?? 0]
      if ((seen.get(key) ?? -1) >= revision) continue // a corrected interval is told once more under its key
      console.log(JSON.stringify(out))
      seen.set(key, revision)
    }
  } catch (why) { // the next message counts all the same
    console.error(`${topic}: passed over a message that is no batch (${why.message})`)
  }
})
