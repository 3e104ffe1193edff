import { expect, test } from "vitest";
import { Recorder, type Party, type PartyState } from "./recorder.ts";

const party = (id: string): Party => ({ group: "Koyeb", id, title: id });
const state = (activity: PartyState["activity"]): PartyState => ({ activity });

test("equal observations are one span, a change begins the next, and who is missing is gone", () => {
  const recorder = new Recorder(new Date(0));
  recorder.observe(0, [[party("a"), state("starting")]]);
  recorder.observe(100, [[party("a"), state("starting")]]);
  recorder.observe(200, [
    [party("a"), state("serving")],
    [party("b"), state("starting")],
  ]);
  recorder.observe(300, [[party("b"), state("serving")]]);
  const { lanes } = recorder.data(0, 400, 500);
  expect(
    lanes.map(({ id, spans }) => [id, spans.map((span) => [span.fromMs, span.toMs, span.state.activity])]),
  ).toEqual([
    [
      "a",
      [
        [0, 200, "starting"],
        [200, 300, "serving"],
      ],
    ],
    [
      "b",
      [
        [200, 300, "starting"],
        [300, 400, "serving"],
      ],
    ],
  ]);
});

test("a window shows what is in it, cut at its ends; what is forgotten is gone for good", () => {
  const recorder = new Recorder(new Date(0));
  recorder.step(0, "stage");
  recorder.observe(0, [[party("a"), state("starting")]]);
  recorder.observe(100, [[party("a"), state("serving")]]);
  recorder.step(120, "switch");
  expect(recorder.data(50, 150, 500)).toMatchObject({
    lanes: [
      {
        spans: [
          { fromMs: 50, toMs: 100 },
          { fromMs: 100, toMs: 150 },
        ],
      },
    ],
    steps: [
      { name: "stage", fromMs: 50, toMs: 120 },
      { name: "switch", fromMs: 120, toMs: 150 },
    ],
  });
  recorder.observe(200, []);
  recorder.forget(300);
  expect(recorder.data(0, 400, 500)).toMatchObject({ lanes: [], steps: [{ name: "switch" }] });
});

test("kids that are learned later count from the beginning of the same rollout", () => {
  const recorder = new Recorder(new Date(0));
  const slots = { a: "9b2d70c4418ea6f5", b: null };
  recorder.observe(0, [[party("a"), { activity: "serving", rollout: "1" }]]);
  recorder.observe(100, [[party("a"), { activity: "serving", rollout: "1", slots }]]);
  recorder.observe(200, [[party("a"), { activity: "serving", rollout: "2" }]]);
  recorder.observe(300, [[party("a"), { activity: "leaving", rollout: "2", slots }]]);
  expect(
    recorder.data(0, 400, 500).lanes[0]?.spans.map((span) => [span.fromMs, span.toMs, span.state.slots?.a]),
  ).toEqual([
    [0, 200, slots.a],
    [200, 300, undefined],
    [300, 400, slots.a],
  ]);
});
