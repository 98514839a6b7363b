-- The end of a FROM clause: leaves out what belongs to a generation that is booked under another ID.
    ANTI JOIN (
        SELECT generation_id FROM main.generations WHERE booked_under IS NOT NULL
    ) AS doubles USING (generation_id)
