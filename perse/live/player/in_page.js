// What the page's own scripts take of the player.

import { moved } from "./motion.js";
import { LivePlayer } from "./player.js";

window.perse.player = { LivePlayer, moved };
