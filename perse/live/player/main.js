// A page of its own: the live file, motions and words lie in the page, and nothing is asked of anybody.

import { gestures } from "./gestures.js";
import { Panel } from "./panel.js";
import { LivePlayer } from "./player.js";

async function start() {
  const canvas = document.getElementById("view"), note = document.getElementById("note"), text = (id) => document.getElementById(id).textContent;
  try {
    const bytes = Uint8Array.from(atob(text("live").trim()), (c) => c.charCodeAt(0));
    const player = await LivePlayer.open(canvas, new Blob([bytes]).stream()), { head } = player;
    const controls = structuredClone(head.look || {}), first = { yaw: controls.yaw, pitch: controls.pitch, zoom: controls.zoom };
    const held = (name, value) => Math.min(head.ranges[name][1], Math.max(head.ranges[name][0], value));
    let panel = null;
    const show = () => {
      player.set(panel ? panel.moved(performance.now()) : { ...controls });
      if (panel?.playing && !player.ticking) {
        player.ticking = true;
        requestAnimationFrame(() => {
          player.ticking = false;
          show();
        });
      }
    };
    panel = new Panel(document.getElementById("panel"), head, JSON.parse(text("motions")), controls, show);
    gestures(canvas, (yaw, pitch, zoom) => {
      controls.yaw = ((((controls.yaw || 0) + yaw + 180) % 360) + 360) % 360 - 180;
      controls.pitch = held("pitch", (controls.pitch || 0) + pitch);
      controls.zoom = held("zoom", (controls.zoom ?? 1) * zoom);
      note.hidden = true;
      show();
    }, () => {
      Object.assign(controls, first);
      show();
    });
    window.perse = { player, panel, controls, show };
    await player.settled();
    document.documentElement.dataset.ready = "head";
    await player.whole;
    await player.settled();
    document.documentElement.dataset.ready = "whole";
  } catch (error) {
    note.textContent = error.message;
    note.hidden = false;
  }
}
start();
