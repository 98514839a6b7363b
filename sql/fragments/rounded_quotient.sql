-- Expression: a whole number divided by a positive one, to the nearest whole number.
            sign({dividend}) * ((2 * abs({dividend}) + {divisor}) // (2 * {divisor}))
