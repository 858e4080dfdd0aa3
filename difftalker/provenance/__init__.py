"""What a film and a face say of where they come from: credentials, a watermark, and the consent on record."""
