/// <reference types="bun-types" />
