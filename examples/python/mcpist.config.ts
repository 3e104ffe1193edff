import { environment } from "../environment.ts";

export default {
  environments: {
    example: {
      ...environment,
      servers: {
        // python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
        weather: { command: ["python", "server.py"], folder: ".", secrets: ["WEATHER_KEY"] },
      },
      secrets: { WEATHER_KEY: { purpose: "key of the weather service", to: ["origins"] } },
    },
  },
};
