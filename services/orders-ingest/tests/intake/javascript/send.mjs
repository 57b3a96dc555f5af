// Sends events as a shop's JavaScript backend does: by kafkajs with every codec and by HTTP, each in every mode of the
// CloudEvents SDK. `node send.mjs BROKERS URL KEY SHOP` prints the ids of what was acknowledged, one JSON array.
import { compress, decompress, init } from "@bokuweb/zstd-wasm";
import { CloudEvent, HTTP, Kafka as Bound, Mode, emitterFor, httpTransport } from "cloudevents";
import kafkajs from "kafkajs";
import snappy from "kafkajs-snappy";
import lz4 from "lz4-napi";

const [brokers, url, key, shop] = process.argv.slice(2);
const { CompressionTypes, CompressionCodecs, Kafka, logLevel } = kafkajs;
await init();
CompressionCodecs[CompressionTypes.Snappy] = snappy.default ?? snappy;
// It brings its binaries; kafkajs-lz4 wants a compiler where it is installed.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => lz4.compressFrame(encoder.buffer),
  decompress: async (buffer) => lz4.decompressFrame(buffer),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(decompress(buffer)),
});

const event = (id, subject = "安妮") =>
  new CloudEvent({
    id,
    type: "product.viewed",
    source: `/shops/${shop}/backend`,
    subject,
    shop,
    partitionkey: "anne",
    time: "2026-03-05T11:00:00.000Z",
    datacontenttype: "application/json",
    data: { sku: "龙井-250" },
  });
const sent = [];

const producer = new Kafka({ clientId: "shop", brokers: brokers.split(","), logLevel: logLevel.ERROR }).producer();
await producer.connect();
for (const [codec, compression] of Object.entries(CompressionTypes)) {
  for (const [mode, made] of Object.entries({ binary: Bound.binary, structured: Bound.structured })) {
    const id = `kafkajs-${codec}-${mode}`;
    const message = made(event(id));
    // The SDK names what an event does not say, and kafkajs takes no header without a value.
    const headers = Object.fromEntries(Object.entries(message.headers).filter(([, said]) => said !== undefined));
    const value = typeof message.value === "string" ? message.value : JSON.stringify(message.value);
    await producer.send({
      topic: `intake.${shop}`,
      acks: -1,
      compression,
      messages: [{ key: message.key, value, headers }],
    });
    sent.push(id);
  }
}
await producer.disconnect();

// CloudEvents' HTTP binding wants what is not ASCII percent-encoded in headers, which the SDK leaves to its caller.
const encoded = (headers) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([, said]) => said !== undefined)
      .map(([name, said]) => [name, String(said).replace(/[^ -~]+/gu, encodeURIComponent)]),
  );
const post = async (message) => {
  const { body } = message;
  const headers = { ...encoded(message.headers), authorization: `Bearer ${key}` };
  const answer = await fetch(`${url}/v1/events`, { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
};
for (const [mode, made] of Object.entries({ binary: HTTP.binary, structured: HTTP.structured })) {
  const id = `sdk-${mode}`;
  await post(made(event(id)));
  sent.push(id);
}
// The SDK makes no batches: it is the array of its events.
const batch = ["sdk-batch-1", "sdk-batch-2"];
await post({
  headers: { "content-type": "application/cloudevents-batch+json" },
  body: JSON.stringify(batch.map((id) => event(id))),
});
sent.push(...batch);
// As its documents show: an emitter with a transport of its own.
const emit = emitterFor(httpTransport(`${url}/v1/events`), { mode: Mode.BINARY });
await emit(event("sdk-emitted", "anne"), { headers: { authorization: `Bearer ${key}` } });
sent.push("sdk-emitted");
console.log(JSON.stringify(sent));
