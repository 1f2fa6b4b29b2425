// What moves the live head before anything is rendered, as the server makes it for this visit: curves and their sound. The last of each is kept.
(() => {
  const kept = {};

  // route: "speech" or "follow"; asked: a way, as JSON; brought: what tells one recording or clip from the next. Returns {told, sound}, no sound
  // of what is silent.
  perse.performed = async (route, query, asked, brought) => {
    const key = JSON.stringify([perse.token, brought, query, asked]);
    if (kept[route]?.key !== key) {
      const answer = await perse.ask(`${route}/${perse.token}`, query, asked, { "X-Perse-Visit": await perse.visit.secret() });
      const bytes = await answer.arrayBuffer(), end = 4 + new DataView(bytes).getUint32(0, true);
      const told = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, end - 4)));
      if (kept[route]?.url) URL.revokeObjectURL(kept[route].url);
      kept[route] = { key, told, url: told.sound ? URL.createObjectURL(new Blob([bytes.slice(end)], { type: "audio/wav" })) : "" };
    }
    const { told, url } = kept[route];
    return { told, sound: url ? new Audio(url) : null };
  };
  perse.performed.last = kept;

  // What a panel makes, its button waiting meanwhile; null if that failed, or if something else is wanted by then.
  perse.awaited = async (panel, wanted) => {
    const before = wanted();
    perse.film.hide();
    panel.making = true;
    panel.draw();
    const made = await panel.made().catch((error) => perse.toast(error.message));
    panel.making = false;
    panel.draw();
    return made && before === wanted() && document.body.dataset.tab === "video" ? made : null;
  };
})();
